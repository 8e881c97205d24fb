using System;
using System.Collections.Generic;
using NUnit.Framework;

namespace Fedxr
{
    public class MessagePackTests
    {
        [TestCase(0L, 1)]
        [TestCase(127L, 1)]
        [TestCase(128L, 2)]
        [TestCase(255L, 2)]
        [TestCase(256L, 3)]
        [TestCase(65535L, 3)]
        [TestCase(65536L, 5)]
        [TestCase(4294967295L, 5)]
        [TestCase(4294967296L, 9)]
        [TestCase(long.MaxValue, 9)]
        [TestCase(-1L, 1)]
        [TestCase(-32L, 1)]
        [TestCase(-33L, 2)]
        [TestCase(-128L, 2)]
        [TestCase(-129L, 3)]
        [TestCase(-32769L, 5)]
        [TestCase(long.MinValue, 9)]
        public void WholeNumbersTakeTheFewestBytesAndComeBack(long value, int bytes)
        {
            var writer = new MessagePackWriter();
            writer.Int(value);
            Assert.AreEqual(bytes, writer.Length);
            Assert.AreEqual(value, Reader(writer).Any());
        }

        [TestCase(0, 1)]
        [TestCase(31, 1)]
        [TestCase(32, 2)]
        [TestCase(255, 2)]
        [TestCase(256, 3)]
        [TestCase(70000, 5)]
        public void TextsOfEveryLengthComeBack(int length, int head)
        {
            var writer = new MessagePackWriter(1);
            string text = new string('x', length);
            writer.Text(text);
            Assert.AreEqual(head + length, writer.Length);
            Assert.AreEqual(text, Reader(writer).Text());
        }

        [Test]
        public void TextIsUtf8()
        {
            var writer = new MessagePackWriter();
            writer.Text("Öl ✓");
            Assert.AreEqual(1 + 7, writer.Length);
            Assert.AreEqual("Öl ✓", Reader(writer).Any());
        }

        [TestCase(255, 2)]
        [TestCase(256, 3)]
        [TestCase(65536, 5)]
        public void BytesComeBack(int length, int head)
        {
            var data = new byte[length];
            data[length - 1] = 7;
            var writer = new MessagePackWriter();
            writer.Bin(data, 0, length);
            Assert.AreEqual(head + length, writer.Length);
            CollectionAssert.AreEqual(data, (byte[])Reader(writer).Any());
        }

        [TestCase(15, 1)]
        [TestCase(16, 3)]
        [TestCase(65536, 5)]
        public void ListsAndMapsOfEveryLengthComeBack(int entries, int head)
        {
            var writer = new MessagePackWriter();
            writer.List(entries);
            Assert.AreEqual(head, writer.Length);
            for (int i = 0; i < entries; i++)
                writer.Bool(i % 2 == 0);
            Assert.AreEqual(entries, ((List<object>)Reader(writer).Any()).Count);
            writer.Clear();
            writer.Map(entries);
            Assert.AreEqual(head, writer.Length);
            for (int i = 0; i < entries; i++)
            {
                writer.Text("key" + i);
                writer.Int(i);
            }
            var map = (Dictionary<string, object>)Reader(writer).Any();
            Assert.AreEqual(entries - 1L, map["key" + (entries - 1)]);
        }

        [Test]
        public void SingleAndDoubleNumbersAreRead()
        {
            Assert.AreEqual(0.1, Any(0xcb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a));
            Assert.AreEqual(-2.5, Any(0xca, 0xc0, 0x20, 0, 0));
            Assert.IsNull(Any(0xc0));
        }

        [TestCase(0xc1)] // begins no value
        [TestCase(0xdd, 0xff, 0xff, 0xff, 0xff)] // a list of four thousand million
        [TestCase(0xdf, 0xff, 0xff, 0xff, 0xff)]
        [TestCase(0xc6, 0x7f, 0xff, 0xff, 0xff)]
        [TestCase(0xdb, 0xff, 0xff, 0xff, 0xff)]
        [TestCase(0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0)] // above 2^63
        [TestCase(0xa2, 0xff, 0xff)] // no UTF-8
        [TestCase(0x81, 0x01, 0x01)] // a key that is no text
        [TestCase(0xcb, 0)]
        public void WhatCannotBeIsRefused(params int[] bytes)
        {
            var error = Assert.Throws<FormatException>(() => Any(bytes));
            Assert.That(error.Message.Length, Is.GreaterThan(10));
        }

        [Test]
        public void NestingHasAnEnd()
        {
            var bytes = new byte[100000];
            for (int i = 0; i < bytes.Length; i++)
                bytes[i] = 0x91;
            Assert.Throws<FormatException>(() => new MessagePackReader(bytes, bytes.Length).Any());
            Assert.Throws<FormatException>(() => new MessagePackReader(bytes, bytes.Length).Skip());
        }

        static object Any(params int[] bytes)
        {
            var data = new byte[bytes.Length];
            for (int i = 0; i < data.Length; i++)
                data[i] = (byte)bytes[i];
            return new MessagePackReader(data, data.Length).Any();
        }

        static MessagePackReader Reader(MessagePackWriter writer)
        {
            return new MessagePackReader(writer.Bytes, writer.Length);
        }
    }
}

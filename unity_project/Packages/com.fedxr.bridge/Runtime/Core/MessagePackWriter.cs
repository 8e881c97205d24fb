using System;
using System.Text;

namespace Fedxr
{
    /// <summary>Writes MessagePack into a buffer that grows and is used again; the shortest form of
    /// each value, so that equal messages are equal bytes in every language.</summary>
    sealed class MessagePackWriter
    {
        byte[] bytes;

        internal MessagePackWriter(int capacity = 256)
        {
            bytes = new byte[capacity];
        }

        internal byte[] Bytes => bytes;

        internal int Length { get; private set; }

        internal void Clear()
        {
            Length = 0;
        }

        internal void Map(int entries)
        {
            Head(entries, 0x80, 0xde);
        }

        internal void List(int items)
        {
            Head(items, 0x90, 0xdc);
        }

        /// <summary>A key or word of the protocol: ASCII, shorter than 32 characters.</summary>
        internal void Word(string word)
        {
            Room(1 + word.Length);
            bytes[Length++] = (byte)(0xa0 | word.Length);
            for (int i = 0; i < word.Length; i++)
                bytes[Length++] = (byte)word[i];
        }

        internal void Text(string text)
        {
            int count = Encoding.UTF8.GetByteCount(text);
            if (count < 32)
                Byte(0xa0 | count);
            else
                Sized(count, 0xd9);
            Room(count);
            Length += Encoding.UTF8.GetBytes(text, 0, text.Length, bytes, Length);
        }

        internal void Bool(bool value)
        {
            Byte(value ? 0xc3 : 0xc2);
        }

        internal void Int(long value)
        {
            if (value >= 0)
                Unsigned(value);
            else if (value >= -32)
                Byte((int)(value & 0xff));
            else if (value >= sbyte.MinValue)
                Tagged(0xd0, value, 1);
            else if (value >= short.MinValue)
                Tagged(0xd1, value, 2);
            else if (value >= int.MinValue)
                Tagged(0xd2, value, 4);
            else
                Tagged(0xd3, value, 8);
        }

        internal void Number(double value)
        {
            Tagged(0xcb, BitConverter.DoubleToInt64Bits(value), 8);
        }

        /// <summary>Bytes of an array of primitive values, as they lie in memory (little-endian on
        /// every platform that Unity builds for).</summary>
        internal void Bin(Array data, int byteOffset, int count)
        {
            Sized(count, 0xc4);
            Room(count);
            Buffer.BlockCopy(data, byteOffset, bytes, Length, count);
            Length += count;
        }

        /// <summary>What another writer has written.</summary>
        internal void Append(MessagePackWriter other)
        {
            Room(other.Length);
            Buffer.BlockCopy(other.bytes, 0, bytes, Length, other.Length);
            Length += other.Length;
        }

        void Unsigned(long value)
        {
            if (value < 0x80)
                Byte((int)value);
            else if (value <= byte.MaxValue)
                Tagged(0xcc, value, 1);
            else if (value <= ushort.MaxValue)
                Tagged(0xcd, value, 2);
            else if (value <= uint.MaxValue)
                Tagged(0xce, value, 4);
            else
                Tagged(0xcf, value, 8);
        }

        void Head(int count, int shortTag, int longTag)
        {
            if (count < 16)
                Byte(shortTag | count);
            else if (count <= ushort.MaxValue)
                Tagged(longTag, count, 2);
            else
                Tagged(longTag + 1, count, 4);
        }

        /// <summary>The length of a text or of bytes; three tags follow each other for 1, 2, 4 bytes.</summary>
        void Sized(int count, int tag)
        {
            if (count <= byte.MaxValue)
                Tagged(tag, count, 1);
            else if (count <= ushort.MaxValue)
                Tagged(tag + 1, count, 2);
            else
                Tagged(tag + 2, count, 4);
        }

        void Tagged(int tag, long value, int size)
        {
            Room(1 + size);
            bytes[Length++] = (byte)tag;
            for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
                bytes[Length++] = (byte)(value >> shift);
        }

        void Byte(int value)
        {
            Room(1);
            bytes[Length++] = (byte)value;
        }

        void Room(int count)
        {
            if (Length + count > bytes.Length)
                Array.Resize(ref bytes, Math.Max(2 * bytes.Length, Length + count));
        }
    }
}

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Fedxr
{
    /// <summary>Reads MessagePack that a stranger may have written: every length is checked before it
    /// is believed. Whatever does not fit is a <see cref="FormatException"/>.</summary>
    struct MessagePackReader
    {
        const int Deepest = 32;
        static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);

        readonly byte[] bytes;
        readonly int end;
        int at;
        int keyAt;
        int keyLength;

        internal MessagePackReader(byte[] bytes, int length)
        {
            this.bytes = bytes;
            end = length;
            at = keyAt = keyLength = 0;
        }

        enum Kind
        {
            Nil,
            Bool,
            Int,
            Number,
            Text,
            Bin,
            List,
            Map
        }

        internal bool AtEnd => at == end;

        internal int Map() => (int)Expect(Kind.Map);

        internal int List() => (int)Expect(Kind.List);

        internal bool Bool() => Expect(Kind.Bool) != 0;

        /// <summary>Step onto a map's next key, without making a string of it.</summary>
        internal void Key()
        {
            keyLength = (int)Expect(Kind.Text);
            keyAt = at;
            at += keyLength;
        }

        /// <summary>Whether the key is <paramref name="word"/>, a word of the protocol (ASCII).</summary>
        internal bool KeyIs(string word)
        {
            if (word.Length != keyLength)
                return false;
            for (int i = 0; i < keyLength; i++)
                if (bytes[keyAt + i] != word[i])
                    return false;
            return true;
        }

        /// <summary>Whether the key's UTF-8 is <paramref name="utf8"/>.</summary>
        internal bool KeyIs(byte[] utf8)
        {
            if (utf8.Length != keyLength)
                return false;
            for (int i = 0; i < keyLength; i++)
                if (bytes[keyAt + i] != utf8[i])
                    return false;
            return true;
        }

        internal string KeyText() => Decoded(keyAt, keyLength);

        internal string Text()
        {
            int length = (int)Expect(Kind.Text);
            at += length;
            return Decoded(at - length, length);
        }

        /// <summary>Whether the text that follows is <paramref name="word"/>; steps over it if so.</summary>
        internal bool TakeText(string word)
        {
            int before = at;
            long length;
            if (Head(out length) == Kind.Text)
            {
                keyAt = at;
                keyLength = (int)length;
                at += keyLength;
                if (KeyIs(word))
                    return true;
            }
            at = before;
            return false;
        }

        internal long Int(long least, long most)
        {
            long value = Expect(Kind.Int);
            if (value < least || value > most)
                throw new FormatException("the number " + value + "; allowed are " + least + " to " + most);
            return value;
        }

        /// <summary>Where <paramref name="length"/> raw bytes begin in the message.</summary>
        internal int Bin(out int length)
        {
            length = (int)Expect(Kind.Bin);
            at += length;
            return at - length;
        }

        /// <summary>Step over a value.</summary>
        internal void Skip(int depth = 0)
        {
            CheckDepth(depth);
            long size;
            Kind kind = Head(out size);
            if (kind == Kind.Text || kind == Kind.Bin)
                at += (int)size;
            else if (kind == Kind.List || kind == Kind.Map)
                for (long left = kind == Kind.Map ? 2 * size : size; left > 0; left--)
                    Skip(depth + 1);
        }

        /// <summary>Any value: null, bool, long, double, string, byte[], List or Dictionary.</summary>
        internal object Any(int depth = 0)
        {
            CheckDepth(depth);
            long value;
            switch (Head(out value))
            {
                case Kind.Nil: return null;
                case Kind.Bool: return value != 0;
                case Kind.Int: return value;
                case Kind.Number: return BitConverter.Int64BitsToDouble(value);
                case Kind.Text:
                    at += (int)value;
                    return Decoded(at - (int)value, (int)value);
                case Kind.Bin:
                    var copy = new byte[value];
                    Buffer.BlockCopy(bytes, at, copy, 0, copy.Length);
                    at += copy.Length;
                    return copy;
                case Kind.List:
                    var list = new List<object>();
                    for (; value > 0; value--)
                        list.Add(Any(depth + 1));
                    return list;
                default:
                    return AnyMap(value, depth);
            }
        }

        Dictionary<string, object> AnyMap(long entries, int depth)
        {
            var map = new Dictionary<string, object>();
            for (; entries > 0; entries--)
            {
                Key();
                string key = KeyText();
                map[key] = Any(depth + 1);
            }
            return map;
        }

        long Expect(Kind wanted)
        {
            long value;
            Kind got = Head(out value);
            if (got != wanted)
                throw new FormatException(got + " where " + wanted + " is due");
            return value;
        }

        /// <summary>Read a value's first bytes: of a scalar they are all, of a text or bytes the length,
        /// of a list or map the number of entries.</summary>
        Kind Head(out long value)
        {
            int tag = (int)Unsigned(1);
            if (tag < 0x80 || tag >= 0xe0)
            {
                value = (sbyte)tag;
                return Kind.Int;
            }
            if (tag < 0x90)
                return Sized(Kind.Map, tag & 15, 2, out value);
            if (tag < 0xa0)
                return Sized(Kind.List, tag & 15, 1, out value);
            if (tag < 0xc0)
                return Sized(Kind.Text, tag & 31, 1, out value);
            if (tag >= 0xcc && tag <= 0xd3)
            {
                value = tag < 0xd0 ? Unsigned(1 << (tag - 0xcc)) : Signed(1 << (tag - 0xd0));
                if (tag == 0xcf && value < 0)
                    throw new FormatException("a number above 2^63");
                return Kind.Int;
            }
            return LongHead(tag, out value);
        }

        Kind LongHead(int tag, out long value)
        {
            value = 0;
            switch (tag)
            {
                case 0xc0: return Kind.Nil;
                case 0xc2: return Kind.Bool;
                case 0xc3:
                    value = 1;
                    return Kind.Bool;
                case 0xca:
                    double wide = new SingleBits { Bits = (uint)Unsigned(4) }.Value;
                    value = BitConverter.DoubleToInt64Bits(wide);
                    return Kind.Number;
                case 0xcb:
                    value = Unsigned(8);
                    return Kind.Number;
                case 0xc4:
                case 0xc5:
                case 0xc6: return Sized(Kind.Bin, Unsigned(1 << (tag - 0xc4)), 1, out value);
                case 0xd9:
                case 0xda:
                case 0xdb: return Sized(Kind.Text, Unsigned(1 << (tag - 0xd9)), 1, out value);
                case 0xdc:
                case 0xdd: return Sized(Kind.List, Unsigned(2 << (tag - 0xdc)), 1, out value);
                case 0xde:
                case 0xdf: return Sized(Kind.Map, Unsigned(2 << (tag - 0xde)), 2, out value);
                default: throw new FormatException("the byte 0x" + tag.ToString("x2") + ", which begins no value");
            }
        }

        /// <summary>A length, once as many bytes are really there.</summary>
        Kind Sized(Kind kind, long size, int leastBytes, out long value)
        {
            if (size * leastBytes > end - at)
                throw new FormatException(kind + " of " + size + ", but only " + (end - at) + " bytes are left");
            value = size;
            return kind;
        }

        long Unsigned(int size)
        {
            if (size > end - at)
                throw new FormatException("the message ends too early");
            long value = 0;
            for (int i = 0; i < size; i++)
                value = value << 8 | bytes[at++];
            return value;
        }

        long Signed(int size)
        {
            int shift = 64 - 8 * size;
            return Unsigned(size) << shift >> shift;
        }

        string Decoded(int start, int length)
        {
            try
            {
                return Utf8.GetString(bytes, start, length);
            }
            catch (DecoderFallbackException)
            {
                throw new FormatException("text that is not UTF-8");
            }
        }

        static void CheckDepth(int depth)
        {
            if (depth > Deepest)
                throw new FormatException("values nested deeper than " + Deepest);
        }
    }

    /// <summary>A float and its bits in one place.</summary>
    [StructLayout(LayoutKind.Explicit)]
    struct SingleBits
    {
        [FieldOffset(0)] internal float Value;
        [FieldOffset(0)] internal uint Bits;
    }
}

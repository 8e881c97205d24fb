using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Fedxr
{
    /// <summary>Reads JSON: maps become Dictionary&lt;string, object&gt;, lists List&lt;object&gt;,
    /// numbers double, besides string, bool and null.</summary>
    /// <remarks>Unity's own reader knows no maps, and scenario files are full of them.</remarks>
    public static class Json
    {
        /// <exception cref="FormatException">It is no JSON; the message says where and why.</exception>
        public static object Parse(string text)
        {
            var reader = new Reader(text ?? "");
            object value = reader.Value(0);
            reader.End();
            return value;
        }

        sealed class Reader
        {
            const int Deepest = 64;

            readonly string text;
            int at;

            internal Reader(string text)
            {
                this.text = text;
            }

            internal object Value(int depth)
            {
                if (depth > Deepest)
                    throw Wrong("nested deeper than " + Deepest);
                switch (Next())
                {
                    case '{': return Map(depth);
                    case '[': return List(depth);
                    case '"': return Text();
                    case 't': return Word("true", true);
                    case 'f': return Word("false", false);
                    case 'n': return Word("null", null);
                    default: return Number();
                }
            }

            internal void End()
            {
                SkipBlanks();
                if (at < text.Length)
                    throw Wrong("something after the end");
            }

            Dictionary<string, object> Map(int depth)
            {
                var map = new Dictionary<string, object>();
                at++;
                if (Next() == '}')
                {
                    at++;
                    return map;
                }
                while (true)
                {
                    if (Next() != '"')
                        throw Wrong("a key in quotes is due");
                    string key = Text();
                    Expect(':');
                    map[key] = Value(depth + 1);
                    if (Ends('}'))
                        return map;
                }
            }

            List<object> List(int depth)
            {
                var list = new List<object>();
                at++;
                if (Next() == ']')
                {
                    at++;
                    return list;
                }
                while (true)
                {
                    list.Add(Value(depth + 1));
                    if (Ends(']'))
                        return list;
                }
            }

            bool Ends(char closing)
            {
                char c = Next();
                if (c != ',' && c != closing)
                    throw Wrong("',' or '" + closing + "' is due");
                at++;
                return c == closing;
            }

            string Text()
            {
                var said = new StringBuilder();
                for (at++; at < text.Length && text[at] != '"'; at++)
                    said.Append(text[at] == '\\' ? Escaped() : text[at]);
                if (at >= text.Length)
                    throw Wrong("a text without its closing quote");
                at++;
                return said.ToString();
            }

            char Escaped()
            {
                at++;
                char c = at < text.Length ? text[at] : '\0';
                switch (c)
                {
                    case '"': case '\\': case '/': return c;
                    case 'b': return '\b';
                    case 'f': return '\f';
                    case 'n': return '\n';
                    case 'r': return '\r';
                    case 't': return '\t';
                }
                int code;
                if (c != 'u' || at + 4 >= text.Length || !int.TryParse(text.Substring(at + 1, 4),
                    NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out code))
                    throw Wrong("an escape that JSON does not know");
                at += 4;
                return (char)code;
            }

            double Number()
            {
                int start = at;
                while (at < text.Length && "+-.0123456789eE".IndexOf(text[at]) >= 0)
                    at++;
                double value;
                if (!double.TryParse(text.Substring(start, at - start), NumberStyles.Float,
                    CultureInfo.InvariantCulture, out value))
                    throw Wrong("no value");
                return value;
            }

            object Word(string word, object value)
            {
                if (string.CompareOrdinal(text, at, word, 0, word.Length) != 0)
                    throw Wrong("no value");
                at += word.Length;
                return value;
            }

            void Expect(char c)
            {
                if (Next() != c)
                    throw Wrong("'" + c + "' is due");
                at++;
            }

            char Next()
            {
                SkipBlanks();
                if (at >= text.Length)
                    throw Wrong("it ends too early");
                return text[at];
            }

            void SkipBlanks()
            {
                while (at < text.Length && " \t\r\n".IndexOf(text[at]) >= 0)
                    at++;
            }

            FormatException Wrong(string why)
            {
                int line = 1;
                for (int i = 0; i < at && i < text.Length; i++)
                    if (text[i] == '\n')
                        line++;
                return new FormatException("JSON, line " + line + ", character " + at + ": " + why);
            }
        }
    }
}

using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Fedxr
{
    /// <summary>Just enough JSON for the tests: maps, lists, texts, whole and other numbers, words.</summary>
    sealed class Json
    {
        readonly string text;
        int at;

        Json(string text)
        {
            this.text = text;
        }

        internal static object Read(string text)
        {
            var json = new Json(text);
            object value = json.Value();
            if (json.Peek() != '\0')
                throw new FormatException("text after the value at " + json.at);
            return value;
        }

        internal static string Write(object value)
        {
            var map = value as Dictionary<string, object>;
            var list = value as IList;
            var text = value as string;
            var parts = new List<string>();
            if (map != null)
            {
                foreach (KeyValuePair<string, object> entry in map)
                    parts.Add(Write(entry.Key) + ": " + Write(entry.Value));
                return "{" + string.Join(", ", parts) + "}";
            }
            if (list != null)
            {
                foreach (object item in list)
                    parts.Add(Write(item));
                return "[" + string.Join(", ", parts) + "]";
            }
            if (text != null)
                return "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"";
            if (value is bool)
                return (bool)value ? "true" : "false";
            if (value is double)
                return ((double)value).ToString("R", CultureInfo.InvariantCulture);
            return value == null ? "null" : Convert.ToString(value, CultureInfo.InvariantCulture);
        }

        char Peek()
        {
            while (at < text.Length && char.IsWhiteSpace(text[at]))
                at++;
            return at < text.Length ? text[at] : '\0';
        }

        bool Take(char c)
        {
            if (Peek() != c)
                return false;
            at++;
            return true;
        }

        void Expect(char c)
        {
            if (!Take(c))
                throw new FormatException("no " + c + " at " + at);
        }

        object Value()
        {
            if (Take('{'))
            {
                var map = new Dictionary<string, object>();
                while (!Take('}'))
                {
                    string key = Text();
                    Expect(':');
                    map[key] = Value();
                    Take(',');
                }
                return map;
            }
            if (Take('['))
            {
                var list = new List<object>();
                while (!Take(']'))
                {
                    list.Add(Value());
                    Take(',');
                }
                return list;
            }
            return Peek() == '"' ? Text() : Word();
        }

        string Text()
        {
            Expect('"');
            var made = new StringBuilder();
            while (text[at] != '"')
            {
                char c = text[at++];
                if (c == '\\')
                    c = Escaped(text[at++]);
                made.Append(c);
            }
            at++;
            return made.ToString();
        }

        char Escaped(char c)
        {
            if (c == 'u')
            {
                at += 4;
                return (char)int.Parse(text.Substring(at - 4, 4), NumberStyles.HexNumber);
            }
            int which = "nrtbf".IndexOf(c);
            return which < 0 ? c : "\n\r\t\b\f"[which];
        }

        object Word()
        {
            int start = at;
            while (at < text.Length && ",]}: \n\r\t".IndexOf(text[at]) < 0)
                at++;
            string word = text.Substring(start, at - start);
            if (word == "null")
                return null;
            if (word == "true" || word == "false")
                return word == "true";
            long whole;
            if (long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole))
                return whole;
            return double.Parse(word, CultureInfo.InvariantCulture);
        }
    }
}

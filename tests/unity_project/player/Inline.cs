using System;
using System.Collections.Generic;
using System.Text;

namespace Fedxr.Player
{
    /// <summary>A value within a line: a flow map or list, or a plain or quoted text.</summary>
    sealed class Inline
    {
        readonly string text;
        int at;

        internal Inline(string text)
        {
            this.text = text;
        }

        internal Node Read() => Next("");

        /// <summary>The next value; a plain one ends before one of <paramref name="ends"/>.</summary>
        Node Next(string ends)
        {
            if (text[at] == '{' || text[at] == '[')
                return Collection();
            if (text[at] == '"' || text[at] == '\'')
                return new Node { Text = Quoted() };
            int start = at;
            while (at < text.Length && ends.IndexOf(text[at]) < 0)
                at++;
            return new Node { Text = text.Substring(start, at - start).Trim() };
        }

        Node Collection()
        {
            bool isMap = text[at++] == '{';
            char close = isMap ? '}' : ']';
            Node made = isMap ? new Node { Map = new Dictionary<string, Node>() } : new Node { Items = new List<Node>() };
            while (true)
            {
                while (at < text.Length && (text[at] == ' ' || text[at] == ','))
                    at++;
                if (at >= text.Length)
                    throw new FormatException($"no {close}");
                if (text[at] == close)
                {
                    at++;
                    return made;
                }
                string key = isMap ? Key() : "";
                Node value = Next("," + close);
                if (isMap)
                    made.Map[key] = value;
                else
                    made.Items.Add(value);
            }
        }

        string Key()
        {
            int colon = text.IndexOf(": ", at, StringComparison.Ordinal);
            if (colon < 0)
                throw new FormatException("a flow map holds key: value");
            string key = text.Substring(at, colon - at).Trim();
            at = colon + 2;
            return key;
        }

        string Quoted()
        {
            char quote = text[at++];
            var made = new StringBuilder();
            for (; at < text.Length; at++)
            {
                if (text[at] == quote && quote == '\'' && at + 1 < text.Length && text[at + 1] == quote)
                    at++;
                else if (text[at] == quote)
                {
                    at++;
                    return made.ToString();
                }
                else if (text[at] == '\\' && quote == '"')
                {
                    made.Append(Escape());
                    continue;
                }
                made.Append(text[at]);
            }
            throw new FormatException($"no closing {quote}");
        }

        string Escape()
        {
            char kind = text[++at];
            int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
            if (digits > 0)
            {
                int code = Convert.ToInt32(text.Substring(at + 1, digits), 16);
                at += digits;
                return char.ConvertFromUtf32(code);
            }
            int found = "ntr\"\\/0 ".IndexOf(kind);
            if (found < 0)
                throw new FormatException($"escape \\{kind}");
            return "\n\t\r\"\\/\0 "[found].ToString();
        }
    }
}

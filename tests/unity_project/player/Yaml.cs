using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Fedxr.Player
{
    /// <summary>A value in a Unity file: a text, a list or a map.</summary>
    public sealed class Node
    {
        public string Text;
        public List<Node> Items;
        public Dictionary<string, Node> Map;

        /// <summary>The value of a key, or null where the map has none.</summary>
        public Node this[string key]
        {
            get
            {
                Node found = null;
                Map?.TryGetValue(key, out found);
                return found;
            }
        }

        public long Long => long.Parse(Text, CultureInfo.InvariantCulture);
        public float Float => float.Parse(Text, NumberStyles.Float, CultureInfo.InvariantCulture);
        public bool Bool => Text == "1" || Text == "true";
    }

    /// <summary>One object of a Unity file: its class, its file ID and its fields.</summary>
    public sealed class Document
    {
        public int Class;
        public long Id;
        public string Type;
        public Node Fields;
    }

    /// <summary>
    /// Reads the YAML that Unity writes: documents <c>--- !u!CLASS &amp;ID</c>, maps and lists by
    /// indentation (a list stands at its key's own column), flow maps and lists within a line, and
    /// plain or quoted texts that may go on in the next lines. Anything else is a FormatException
    /// that names the line.
    /// </summary>
    public sealed class Yaml
    {
        readonly string[] lines;
        int at;

        Yaml(string text)
        {
            lines = text.Replace("\r\n", "\n").Split('\n');
        }

        public static List<Document> Read(string text)
        {
            var reader = new Yaml(text);
            var found = new List<Document>();
            while (reader.at < reader.lines.Length)
            {
                string line = reader.lines[reader.at++];
                if (line.StartsWith("--- !u!"))
                    found.Add(reader.ReadDocument(line));
                else if (line.Length > 0 && line[0] != '%')
                    throw reader.Wrong("a document begins with --- !u!CLASS &ID");
            }
            return found;
        }

        Document ReadDocument(string header)
        {
            string[] words = header.Split(' ');
            Node whole = Block(0);
            if (whole.Map == null || whole.Map.Count != 1)
                throw Wrong("a document holds one object");
            KeyValuePair<string, Node> one = whole.Map.First();
            return new Document
            {
                Class = int.Parse(words[1].Substring(3)),
                Id = long.Parse(words[2].Substring(1)),
                Type = one.Key,
                Fields = one.Value,
            };
        }

        /// <summary>The map or list whose lines stand at this column.</summary>
        Node Block(int column)
        {
            var map = new Dictionary<string, Node>();
            var items = new List<Node>();
            while (More(column))
            {
                string line = lines[at].Substring(column);
                if (line.StartsWith("- "))
                    items.Add(Item(column));
                else if (items.Count > 0)
                    break;
                else
                    ReadPair(map, column);
            }
            return items.Count > 0 ? new Node { Items = items } : new Node { Map = map };
        }

        bool More(int column) => at < lines.Length && !lines[at].StartsWith("---") && Indent(lines[at]) == column;

        static int Indent(string line)
        {
            int n = 0;
            while (n < line.Length && line[n] == ' ')
                n++;
            return n == line.Length ? -1 : n;
        }

        /// <summary>"- key: value" begins a map two columns further on; else one value.</summary>
        Node Item(int column)
        {
            string rest = lines[at].Substring(column + 2);
            if (rest[0] != '{' && rest[0] != '[' && rest[0] != '"' && rest[0] != '\'' && Colon(rest) > 0)
            {
                lines[at] = new string(' ', column + 2) + rest;
                return Block(column + 2);
            }
            at++;
            return Value(rest, column);
        }

        void ReadPair(Dictionary<string, Node> map, int column)
        {
            string line = lines[at].Substring(column);
            int colon = Colon(line);
            if (colon < 0)
                throw Wrong("a line holds a key and a value");
            string key = line.Substring(0, colon), rest = line.Substring(colon + 1).Trim();
            at++;
            if (map.ContainsKey(key))
                throw Wrong($"key {key} stands here twice");
            if (rest.Length > 0)
                map[key] = Value(rest, column);
            else if (More(column) && lines[at].Substring(column).StartsWith("- "))
                map[key] = Block(column);
            else if (at < lines.Length && Indent(lines[at]) > column)
                map[key] = Block(Indent(lines[at]));
            else
                map[key] = new Node { Text = "" };
        }

        /// <summary>Where the key ends: at a colon before a space or the line's end.</summary>
        static int Colon(string line)
        {
            int found = line.IndexOf(": ", StringComparison.Ordinal);
            return found < 0 && line.EndsWith(":") ? line.Length - 1 : found;
        }

        /// <summary>A value that begins in this text; lines that stand further right belong to it.</summary>
        Node Value(string text, int column)
        {
            bool quoted = text[0] == '"' || text[0] == '\'', flow = text[0] == '{' || text[0] == '[';
            while ((quoted && !Closed(text)) || (flow && Depth(text) > 0) || (!quoted && !flow && Continues(column)))
            {
                if (at == lines.Length)
                    throw Wrong("the file ends within a text or a flow map");
                string next = lines[at++].Trim();
                text += next.Length == 0 && quoted ? "\n" : (text.EndsWith("\n") ? "" : " ") + next;
            }
            try
            {
                return new Inline(text).Read();
            }
            catch (FormatException error)
            {
                throw Wrong(error.Message);
            }
        }

        bool Continues(int column) => at < lines.Length && Indent(lines[at]) > column;

        static bool Closed(string text)
        {
            if (text.Length < 2 || text[text.Length - 1] != text[0])
                return false;
            int quotes = 0, slashes = 0;
            for (int i = text.Length - 1; i > 0 && text[i] == '\''; i--)
                quotes++;
            for (int i = text.Length - 2; i > 0 && text[i] == '\\'; i--)
                slashes++;
            return text[0] == '\'' ? text == "''" || quotes % 2 == 1 : slashes % 2 == 0;
        }

        static int Depth(string text)
        {
            int depth = 0;
            foreach (char c in text)
                depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
            return depth;
        }

        FormatException Wrong(string what) => new FormatException($"line {at}: {what}");
    }
}

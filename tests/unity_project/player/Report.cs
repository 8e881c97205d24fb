using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Fedxr.Player
{
    /// <summary>Writes maps, lists, texts, numbers and booleans as JSON.</summary>
    static class Report
    {
        internal static string Json(object value)
        {
            var made = new StringBuilder();
            Write(made, value);
            return made.ToString();
        }

        static void Write(StringBuilder made, object value)
        {
            if (value is string)
                Quote(made, (string)value);
            else if (value is IDictionary)
                WriteMap(made, (IDictionary)value);
            else if (value is IEnumerable)
                WriteList(made, (IEnumerable)value);
            else if (value is bool)
                made.Append((bool)value ? "true" : "false");
            else
                made.AppendFormat(CultureInfo.InvariantCulture, "{0}", value ?? "null");
        }

        static void WriteMap(StringBuilder made, IDictionary map)
        {
            made.Append('{');
            bool first = true;
            foreach (DictionaryEntry one in map)
            {
                made.Append(first ? "" : ",");
                first = false;
                Quote(made, one.Key.ToString());
                made.Append(':');
                Write(made, one.Value);
            }
            made.Append('}');
        }

        static void WriteList(StringBuilder made, IEnumerable list)
        {
            made.Append('[');
            bool first = true;
            foreach (object one in list)
            {
                made.Append(first ? "" : ",");
                first = false;
                Write(made, one);
            }
            made.Append(']');
        }

        static void Quote(StringBuilder made, string text)
        {
            made.Append('"');
            foreach (char c in text)
                made.Append(c == '"' || c == '\\' ? "\\" + c : c < ' ' ? $"\\u{(int)c:x4}" : c.ToString());
            made.Append('"');
        }
    }
}

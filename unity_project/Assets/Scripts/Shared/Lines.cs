using System.Text;

namespace Fedxr
{
    /// <summary>Line breaks, which a TextMesh does not make by itself.</summary>
    public static class Lines
    {
        /// <summary>
        /// <paramref name="text"/> with breaks between words, so that no line is longer than
        /// <paramref name="columns"/>, but for single words that are.
        /// </summary>
        public static string Wrap(string text, int columns)
        {
            var lines = new StringBuilder();
            int used = 0;
            foreach (string word in text.Split(' '))
            {
                if (word.Length == 0)
                    continue;
                if (used > 0 && used + 1 + word.Length > columns)
                {
                    lines.Append('\n');
                    used = 0;
                }
                else if (used > 0)
                {
                    lines.Append(' ');
                    used++;
                }
                lines.Append(word);
                used += word.Length;
            }
            return lines.ToString();
        }
    }
}

using System;

namespace Fedxr
{
    /// <summary>What a cue's payload says, with what to take where it says nothing.</summary>
    public static class CueValues
    {
        /// <summary>The text under <paramref name="key"/>.</summary>
        public static string Text(this Cue cue, string key, string otherwise)
        {
            object value;
            return Has(cue, key, out value) && value is string ? (string)value : otherwise;
        }

        /// <summary>The number under <paramref name="key"/>.</summary>
        public static float Number(this Cue cue, string key, float otherwise)
        {
            object value;
            bool number = Has(cue, key, out value) && (value is double || value is long);
            return number ? Convert.ToSingle(value) : otherwise;
        }

        /// <summary>The truth value under <paramref name="key"/>.</summary>
        public static bool Flag(this Cue cue, string key, bool otherwise)
        {
            object value;
            return Has(cue, key, out value) && value is bool ? (bool)value : otherwise;
        }

        static bool Has(Cue cue, string key, out object value)
        {
            value = null;
            return cue.Payload != null && cue.Payload.TryGetValue(key, out value);
        }
    }
}

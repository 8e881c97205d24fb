using System;
using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>A map of a JSON file, read by key; what is missing or of another kind raises a
    /// FormatException that says where.</summary>
    public sealed class JsonMap
    {
        readonly Dictionary<string, object> map;
        readonly string place;

        JsonMap(Dictionary<string, object> map, string place)
        {
            this.map = map;
            this.place = place;
        }

        /// <summary>The keys, in the file's order.</summary>
        public IEnumerable<string> Keys => map.Keys;

        /// <exception cref="FormatException">It is no JSON, or no map.</exception>
        public static JsonMap Parse(string text)
        {
            var map = Json.Parse(text) as Dictionary<string, object>;
            if (map == null)
                throw new FormatException("JSON: a map is due at the top");
            return new JsonMap(map, "");
        }

        /// <summary>Whether there is something under <paramref name="key"/>.</summary>
        public bool Has(string key) => map.ContainsKey(key);

        /// <summary>The text under <paramref name="key"/>.</summary>
        public string Text(string key) => Get<string>(key, "text");

        /// <summary>The number under <paramref name="key"/>.</summary>
        public double Number(string key) => Get<double>(key, "number");

        /// <summary>The truth value under <paramref name="key"/>.</summary>
        public bool Flag(string key) => Get<bool>(key, "true or false");

        /// <summary>The map under <paramref name="key"/>.</summary>
        public JsonMap Map(string key) =>
            new JsonMap(Get<Dictionary<string, object>>(key, "map"), place + "/" + key);

        /// <summary>The texts under <paramref name="key"/>.</summary>
        public string[] Texts(string key) => Items<string>(key, "texts");

        /// <summary>The numbers under <paramref name="key"/>.</summary>
        public double[] Numbers(string key) => Items<double>(key, "numbers");

        /// <summary>The maps under <paramref name="key"/>.</summary>
        public JsonMap[] Maps(string key)
        {
            Dictionary<string, object>[] items = Items<Dictionary<string, object>>(key, "maps");
            var maps = new JsonMap[items.Length];
            for (int i = 0; i < items.Length; i++)
                maps[i] = new JsonMap(items[i], place + "/" + key + "/" + i);
            return maps;
        }

        /// <summary>All of it as it was read, for example a cue's payload.</summary>
        public Dictionary<string, object> ToDictionary() => new Dictionary<string, object>(map);

        T[] Items<T>(string key, string kind)
        {
            var list = Get<List<object>>(key, "list of " + kind);
            var items = new T[list.Count];
            for (int i = 0; i < items.Length; i++)
            {
                if (!(list[i] is T))
                    throw Wrong(key + "/" + i, kind);
                items[i] = (T)list[i];
            }
            return items;
        }

        T Get<T>(string key, string kind)
        {
            object value;
            if (!map.TryGetValue(key, out value) || !(value is T))
                throw Wrong(key, kind);
            return (T)value;
        }

        FormatException Wrong(string key, string kind) =>
            new FormatException("scenario JSON: " + kind + " due at " + place + "/" + key
                + "; export the file anew from the Python package of the same version");
    }
}

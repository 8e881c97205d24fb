namespace Fedxr.Editor
{
    /// <summary>Something that a check has found: what is wrong and what to do.</summary>
    public struct Finding
    {
        internal Finding(bool isError, UnityEngine.Object where, string text)
        {
            IsError = isError;
            Where = where;
            Text = text;
        }

        /// <summary>Whether the scene cannot work like this; else something may be missing.</summary>
        public bool IsError { get; }

        /// <summary>The component that is meant; null for the scene.</summary>
        public UnityEngine.Object Where { get; }

        /// <summary>What is wrong, and what to do about it.</summary>
        public string Text { get; }
    }
}

using System;

namespace Fedxr
{
    /// <summary>A row of apps: one is highlighted, at most one is open. Moved by commands only.</summary>
    public sealed class Launcher
    {
        /// <summary>The commands that change something here.</summary>
        public static readonly string[] Commands = { "open app", "select", "scroll", "back" };

        readonly string[] apps;

        public Launcher(params string[] apps)
        {
            if (apps.Length == 0)
                throw new ArgumentException("a launcher needs at least one app");
            this.apps = apps;
            Open = -1;
        }

        /// <summary>Index of the highlighted app.</summary>
        public int Highlighted { get; private set; }

        /// <summary>Index of the open app, or -1.</summary>
        public int Open { get; private set; }

        /// <summary>The page that the open app shows, from 0; scrolling turns it.</summary>
        public int Page { get; private set; }

        public int Count
        {
            get { return apps.Length; }
        }

        public string NameOf(int app)
        {
            return apps[app];
        }

        /// <summary>Carries out a command.</summary>
        /// <returns>false where the command is not for a launcher or has nothing to do.</returns>
        public bool Do(string command)
        {
            if (command == "open app" || command == "select")
                return OpenHighlighted();
            if (command == "scroll")
                return Scroll();
            return command == "back" && Back();
        }

        bool OpenHighlighted()
        {
            if (Open == Highlighted)
                return false;
            Open = Highlighted;
            Page = 0;
            return true;
        }

        bool Scroll()
        {
            if (Open >= 0)
                Page++;
            else
                Highlighted = (Highlighted + 1) % apps.Length;
            return true;
        }

        bool Back()
        {
            if (Open >= 0)
                Open = -1;
            else
                Highlighted = (Highlighted + apps.Length - 1) % apps.Length;
            return true;
        }
    }
}

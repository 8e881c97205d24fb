using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using UnityEngine;
using UnityEngine.Stub;

namespace Fedxr.Player
{
    /// <summary>
    /// The person at the keyboard, by a script of lines <c>SECONDS DEED …</c> in time order:
    /// <c>press KEY</c>, <c>release KEY</c>, <c>tap KEY</c> (one frame), <c>point X Y</c> (0 to 1 of the
    /// window), <c>click NAME</c> (the object of that name, with the left button; it is waited for).
    /// A first line <c>every SECONDS</c> has the rest repeated.
    /// </summary>
    public sealed class Person
    {
        readonly List<KeyValuePair<double, string[]>> deeds = new List<KeyValuePair<double, string[]>>();
        readonly Queue<Action> soon = new Queue<Action>();
        string wanted = "";
        double every = double.PositiveInfinity, round;
        int next;

        public Person(string path)
        {
            foreach (string line in path == null ? new string[0] : File.ReadAllLines(path))
            {
                string[] words = line.Split(new[] { ' ' }, StringSplitOptions.RemoveEmptyEntries);
                if (words.Length > 0 && words[0] == "every")
                    every = Number(words[1]);
                else if (words.Length > 0)
                    deeds.Add(new KeyValuePair<double, string[]>(Number(words[0]), words));
            }
        }

        static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

        /// <summary>Do what is due; called before each frame.</summary>
        public void Act(double seconds)
        {
            if (soon.Count > 0)
                soon.Dequeue()();
            else if (wanted.Length > 0)
                Click();
            if (seconds - round >= every)
            {
                round += every;
                next = 0;
            }
            for (; next < deeds.Count && deeds[next].Key <= seconds - round; next++)
                Do(deeds[next].Value);
        }

        void Do(string[] words)
        {
            switch (words[1])
            {
                case "press":
                    Hands.Press(Key(words[2]));
                    break;
                case "release":
                    Hands.Release(Key(words[2]));
                    break;
                case "tap":
                    Tap(Key(words[2]));
                    break;
                case "point":
                    Point(new Vector3((float)Number(words[2]), (float)Number(words[3])));
                    break;
                case "click":
                    wanted = string.Join(" ", words, 2, words.Length - 2);
                    break;
                default:
                    throw new FormatException($"the person cannot {words[1]}; allowed are press, release, tap, point, click");
            }
        }

        static KeyCode Key(string name) => (KeyCode)Enum.Parse(typeof(KeyCode), name);

        void Tap(KeyCode key)
        {
            Hands.Press(key);
            soon.Enqueue(() => Hands.Release(key));
        }

        static void Point(Vector3 viewport)
        {
            Hands.Mouse = new Vector3(viewport.x * Screen.width, viewport.y * Screen.height);
        }

        /// <summary>Click what is wanted, once it is there and in view.</summary>
        void Click()
        {
            GameObject thing = GameObject.Find(wanted);
            if (thing == null)
                return;
            Vector3 at = Camera.main.WorldToViewportPoint(thing.transform.position);
            if (at.z < 0 || at.x < 0 || at.x > 1 || at.y < 0 || at.y > 1)
                return;
            wanted = "";
            Point(at);
            soon.Enqueue(() => Tap(KeyCode.Mouse0));
        }
    }
}

using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public enum KeyCode
    {
        None = 0, Backspace = 8, Tab = 9, Return = 13, Escape = 27, Space = 32,
        Alpha0 = 48, Alpha1, Alpha2, Alpha3, Alpha4, Alpha5, Alpha6, Alpha7, Alpha8, Alpha9,
        A = 97, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z,
        UpArrow = 273, DownArrow, RightArrow, LeftArrow,
        RightShift = 303, LeftShift, RightControl, LeftControl,
        Mouse0 = 323, Mouse1, Mouse2,
    }

    /// <summary>Mouse and keyboard. Down is true for one frame: the first in which the key is
    /// held. <see cref="Stub.Hands"/> does what a person would.</summary>
    public static class Input
    {
        static readonly HashSet<KeyCode> held = new HashSet<KeyCode>(), before = new HashSet<KeyCode>();
        static Vector3 moved;

        public static Vector3 mousePosition { get; private set; } = new Vector3(640, 360);

        public static bool GetKey(KeyCode key) => held.Contains(key);
        public static bool GetKeyDown(KeyCode key) => held.Contains(key) && !before.Contains(key);

        /// <param name="button">0 is the left one, 1 the right one, 2 the middle one.</param>
        public static bool GetMouseButton(int button) => GetKey(KeyCode.Mouse0 + button);
        public static bool GetMouseButtonDown(int button) => GetKeyDown(KeyCode.Mouse0 + button);

        /// <summary>What the mouse moved since the last frame for "Mouse X" and "Mouse Y"
        /// (pixels by the usual sensitivity of 0.1 in the project's input settings).</summary>
        public static float GetAxis(string axisName)
        {
            switch (axisName)
            {
                case "Mouse X": return moved.x * 0.1f;
                case "Mouse Y": return moved.y * 0.1f;
                default: throw new ArgumentException($"Input Axis {axisName} is not setup.");
            }
        }

        internal static void Begin()
        {
            before.Clear();
            before.UnionWith(held);
            held.Clear();
            held.UnionWith(Stub.Hands.Holding);
            moved = Stub.Hands.Mouse - mousePosition;
            mousePosition = Stub.Hands.Mouse;
        }
    }
}

namespace UnityEngine.Stub
{
    /// <summary>What the person at the keyboard does; scripts see it from the next frame on.</summary>
    public static class Hands
    {
        internal static readonly HashSet<KeyCode> Holding = new HashSet<KeyCode>();

        /// <summary>Pixels from the window's lower left corner.</summary>
        public static Vector3 Mouse { get; set; } = new Vector3(640, 360);

        public static void Press(KeyCode key) => Holding.Add(key);

        public static void Release(KeyCode key) => Holding.Remove(key);
    }
}

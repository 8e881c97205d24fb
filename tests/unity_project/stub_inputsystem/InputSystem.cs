// Of com.unity.inputsystem 1.x what UserInput.cs needs, driven by the same hands as UnityEngine.Input.
using System;
using System.Collections.Generic;
using UnityEngine.InputSystem.Utilities;

namespace UnityEngine.InputSystem
{
    public enum Key
    {
        None, Space, Enter, Tab,
        A = 15, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z,
        Digit1, Digit2, Digit3, Digit4, Digit5, Digit6, Digit7, Digit8, Digit9, Digit0,
        LeftShift,
        Escape = 60, LeftArrow, RightArrow, UpArrow, DownArrow,
    }

    /// <summary>A control that is up or down.</summary>
    public sealed class ButtonControl
    {
        readonly KeyCode key;

        internal ButtonControl(KeyCode key)
        {
            this.key = key;
        }

        public bool isPressed => Input.GetKey(key);
        public bool wasPressedThisFrame => Input.GetKeyDown(key);
    }

    public sealed class Vector2Control
    {
        readonly Func<Vector2> read;

        internal Vector2Control(Func<Vector2> read)
        {
            this.read = read;
        }

        public Vector2 ReadValue() => read();
    }

    public sealed class Keyboard
    {
        static readonly Dictionary<Key, KeyCode> others = new Dictionary<Key, KeyCode>
        {
            { Key.Space, KeyCode.Space }, { Key.Enter, KeyCode.Return }, { Key.Tab, KeyCode.Tab },
            { Key.Digit0, KeyCode.Alpha0 }, { Key.LeftShift, KeyCode.LeftShift }, { Key.Escape, KeyCode.Escape },
            { Key.LeftArrow, KeyCode.LeftArrow }, { Key.RightArrow, KeyCode.RightArrow },
            { Key.UpArrow, KeyCode.UpArrow }, { Key.DownArrow, KeyCode.DownArrow },
        };

        public static Keyboard current { get; } = new Keyboard();

        readonly Dictionary<Key, ButtonControl> buttons = new Dictionary<Key, ButtonControl>();

        public ButtonControl this[Key key]
        {
            get
            {
                ButtonControl found;
                if (!buttons.TryGetValue(key, out found))
                    buttons[key] = found = new ButtonControl(CodeOf(key));
                return found;
            }
        }

        static KeyCode CodeOf(Key key)
        {
            if (key >= Key.A && key <= Key.Z)
                return KeyCode.A + (key - Key.A);
            if (key >= Key.Digit1 && key <= Key.Digit9)
                return KeyCode.Alpha1 + (key - Key.Digit1);
            return others[key];
        }
    }

    public sealed class Mouse
    {
        public static Mouse current { get; } = new Mouse();

        public ButtonControl leftButton { get; } = new ButtonControl(KeyCode.Mouse0);
        public ButtonControl rightButton { get; } = new ButtonControl(KeyCode.Mouse1);
        public Vector2Control position { get; } = new Vector2Control(() => Input.mousePosition);
        public Vector2Control delta { get; } = new Vector2Control(
            () => new Vector2(Input.GetAxis("Mouse X"), Input.GetAxis("Mouse Y")) * 10);
    }
}

namespace UnityEngine.InputSystem
{
    /// <summary>A control of a device that is present.</summary>
    public sealed class InputControl
    {
    }

    /// <summary>Reads a control by its path: what <see cref="Controls"/> holds, or the type's default.</summary>
    public sealed class InputAction : IDisposable
    {
        /// <summary>What devices say, by binding path; a test sets it.</summary>
        public static readonly Dictionary<string, object> Controls = new Dictionary<string, object>();

        readonly string path;
        bool enabled;

        public InputAction(string name = null, string binding = null)
        {
            path = binding;
        }

        public void Enable()
        {
            Living += enabled ? 0 : 1;
            enabled = true;
        }

        /// <summary>Actions that are enabled and not yet disposed of.</summary>
        public static int Living { get; private set; }

        /// <summary>None while no device has such a control.</summary>
        public ReadOnlyArray<InputControl> controls =>
            new ReadOnlyArray<InputControl>(enabled && Controls.ContainsKey(path) ? 1 : 0);

        public void Dispose()
        {
            Living -= enabled ? 1 : 0;
            enabled = false;
        }

        public T ReadValue<T>() where T : struct =>
            enabled && Controls.TryGetValue(path, out object value) ? (T)value : default(T);
    }
}

namespace UnityEngine.InputSystem.Utilities
{
    public struct ReadOnlyArray<TValue>
    {
        internal ReadOnlyArray(int count)
        {
            Count = count;
        }

        public int Count { get; }
    }
}

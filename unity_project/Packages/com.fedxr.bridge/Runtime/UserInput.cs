using UnityEngine;
#if FEDXR_INPUTSYSTEM && !ENABLE_LEGACY_INPUT_MANAGER
using UnityEngine.InputSystem;
#endif

namespace Fedxr
{
    /// <summary>Keyboard and mouse, through whichever of Unity's two input systems the project has
    /// switched on (Project Settings, Player, Active Input Handling).</summary>
    public static class UserInput
    {
#if FEDXR_INPUTSYSTEM && !ENABLE_LEGACY_INPUT_MANAGER
        /// <summary>Whether <paramref name="key"/> went down in this frame.</summary>
        public static bool Down(KeyCode key) =>
            Keyboard.current != null && Keyboard.current[KeyOf(key)].wasPressedThisFrame;

        /// <summary>Whether <paramref name="key"/> is down.</summary>
        public static bool Held(KeyCode key) =>
            Keyboard.current != null && Keyboard.current[KeyOf(key)].isPressed;

        /// <summary>Whether the left mouse button went down in this frame.</summary>
        public static bool Clicked =>
            Mouse.current != null && Mouse.current.leftButton.wasPressedThisFrame;

        /// <summary>Whether the right mouse button is down.</summary>
        public static bool RightHeld => Mouse.current != null && Mouse.current.rightButton.isPressed;

        /// <summary>Where the mouse is, in pixels from the lower left.</summary>
        public static Vector3 MousePlace =>
            Mouse.current == null ? Vector3.zero : (Vector3)Mouse.current.position.ReadValue();

        /// <summary>How far the mouse went in this frame, in pixels.</summary>
        public static Vector2 MouseMoved =>
            Mouse.current == null ? Vector2.zero : Mouse.current.delta.ReadValue();

        static Key KeyOf(KeyCode key)
        {
            if (key >= KeyCode.A && key <= KeyCode.Z)
                return Key.A + (key - KeyCode.A);
            if (key >= KeyCode.Alpha1 && key <= KeyCode.Alpha9)
                return Key.Digit1 + (key - KeyCode.Alpha1);
            switch (key)
            {
                case KeyCode.Alpha0: return Key.Digit0;
                case KeyCode.Tab: return Key.Tab;
                case KeyCode.Return: return Key.Enter;
                case KeyCode.Escape: return Key.Escape;
                case KeyCode.Space: return Key.Space;
                case KeyCode.LeftShift: return Key.LeftShift;
                case KeyCode.UpArrow: return Key.UpArrow;
                case KeyCode.DownArrow: return Key.DownArrow;
                case KeyCode.LeftArrow: return Key.LeftArrow;
                case KeyCode.RightArrow: return Key.RightArrow;
                default: throw new System.ArgumentException("fedxr reads letters, digits, arrows, "
                    + "Tab, Return, Escape, Space and Shift, not " + key);
            }
        }
#else
        /// <summary>Whether <paramref name="key"/> went down in this frame.</summary>
        public static bool Down(KeyCode key) => Input.GetKeyDown(key);

        /// <summary>Whether <paramref name="key"/> is down.</summary>
        public static bool Held(KeyCode key) => Input.GetKey(key);

        /// <summary>Whether the left mouse button went down in this frame.</summary>
        public static bool Clicked => Input.GetMouseButtonDown(0);

        /// <summary>Whether the right mouse button is down.</summary>
        public static bool RightHeld => Input.GetMouseButton(1);

        /// <summary>Where the mouse is, in pixels from the lower left.</summary>
        public static Vector3 MousePlace => Input.mousePosition;

        /// <summary>How far the mouse went in this frame, in pixels or so.</summary>
        public static Vector2 MouseMoved =>
            new Vector2(Input.GetAxis("Mouse X"), Input.GetAxis("Mouse Y")) * 20f;
#endif
    }
}

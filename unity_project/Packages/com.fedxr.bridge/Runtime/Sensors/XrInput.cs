using System;
using UnityEngine;
#if FEDXR_INPUTSYSTEM
using UnityEngine.InputSystem;
#endif
#if FEDXR_XR
using System.Collections.Generic;
using UnityEngine.XR;
#endif

namespace Fedxr
{
    /// <summary>What OpenXR devices say through the Input System package; nothing without it.</summary>
    static class XrInput
    {
#if FEDXR_XR
        /// <summary>Let poses be counted from the floor, not from where the head was at the start; false
        /// while nothing tracks.</summary>
        internal static bool StandOnFloor()
        {
            var inputs = new List<XRInputSubsystem>();
            SubsystemManager.GetSubsystems(inputs);
            foreach (XRInputSubsystem input in inputs)
                input.TrySetTrackingOriginMode(TrackingOriginModeFlags.Floor);
            return inputs.Count > 0;
        }
#else
        internal static bool StandOnFloor() => false;
#endif

#if FEDXR_INPUTSYSTEM
        static InputAction headset, gazePlace, gazeTurn, gazeTracked;

        /// <summary>Whether there is a headset, also while it is not tracked: what stands in for a person
        /// must never be sent for one who wears a headset and has walked out of its sight.</summary>
        internal static bool HasHeadset
        {
            get
            {
                if (headset == null)
                    headset = Action("<XRHMD>/isTracked");
                return headset.controls.Count > 0;
            }
        }

        /// <summary>The eyes' common ray, in the tracking space (needs the OpenXR feature "Eye Gaze
        /// Interaction Profile"); false while they are not tracked.</summary>
        internal static bool Gaze(out Vector3 place, out Quaternion turn)
        {
            if (gazeTracked == null)
            {
                gazePlace = Action("<EyeGaze>/pose/position");
                gazeTurn = Action("<EyeGaze>/pose/rotation");
                gazeTracked = Action("<EyeGaze>/pose/isTracked");
            }
            place = gazePlace.ReadValue<Vector3>();
            turn = gazeTurn.ReadValue<Quaternion>();
            return gazeTracked.ReadValue<float>() > 0;
        }

        /// <summary>An enabled action that reads <paramref name="path"/>.</summary>
        internal static InputAction Action(string path)
        {
            var action = new InputAction(binding: path);
            action.Enable();
            return action;
        }

        /// <summary>Where the editor keeps the domain from one play to the next, these would stay
        /// too.</summary>
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        static void Forget()
        {
            foreach (InputAction old in new[] { headset, gazePlace, gazeTurn, gazeTracked })
                if (old != null)
                    old.Dispose();
            headset = gazePlace = gazeTurn = gazeTracked = null;
        }
#else
        internal static bool HasHeadset => false;

        internal static bool Gaze(out Vector3 place, out Quaternion turn)
        {
            place = Vector3.zero;
            turn = Quaternion.identity;
            return false;
        }
#endif
    }

    /// <summary>The pose of a headset or a controller.</summary>
    sealed class XrPose : IDisposable
    {
#if FEDXR_INPUTSYSTEM
        readonly InputAction place, turn, tracked;

        internal XrPose(string device)
        {
            place = XrInput.Action(device + "/devicePosition");
            turn = XrInput.Action(device + "/deviceRotation");
            tracked = XrInput.Action(device + "/isTracked");
        }

        /// <summary>The pose in the tracking space; false while it is not tracked.</summary>
        internal bool Read(out Vector3 position, out Quaternion rotation)
        {
            position = place.ReadValue<Vector3>();
            rotation = turn.ReadValue<Quaternion>();
            return tracked.ReadValue<float>() > 0;
        }

        public void Dispose()
        {
            place.Dispose();
            turn.Dispose();
            tracked.Dispose();
        }
#else
        internal XrPose(string device)
        {
        }

        public void Dispose()
        {
        }

        internal bool Read(out Vector3 position, out Quaternion rotation)
        {
            position = Vector3.zero;
            rotation = Quaternion.identity;
            return false;
        }
#endif
    }

    /// <summary>One hand's controller.</summary>
    sealed class XrController : IDisposable
    {
#if FEDXR_INPUTSYSTEM
        readonly InputAction place, turn, tracked, stick;
        readonly InputAction[] buttons;

        internal XrController(bool left)
        {
            string device = left ? "<XRController>{LeftHand}/" : "<XRController>{RightHand}/";
            place = XrInput.Action(device + "devicePosition");
            turn = XrInput.Action(device + "deviceRotation");
            tracked = XrInput.Action(device + "isTracked");
            stick = XrInput.Action(device + "{Primary2DAxis}");
            string[] names = { "{Trigger}", "{Grip}", "{Primary2DAxisClick}", "{PrimaryButton}", "{SecondaryButton}" };
            buttons = new InputAction[names.Length];
            for (int i = 0; i < names.Length; i++)
                buttons[i] = XrInput.Action(device + names[i]);
        }

        /// <summary>The pose in the tracking space and the seven numbers of trigger, squeeze, stick
        /// and buttons, from index <paramref name="at"/> on; false while it is not tracked.</summary>
        internal bool Read(out Vector3 position, out Quaternion rotation, float[] into, int at)
        {
            position = place.ReadValue<Vector3>();
            rotation = turn.ReadValue<Quaternion>();
            Vector2 pushed = stick.ReadValue<Vector2>();
            into[at] = buttons[0].ReadValue<float>();
            into[at + 1] = buttons[1].ReadValue<float>();
            into[at + 2] = pushed.x;
            into[at + 3] = pushed.y;
            for (int i = 2; i < buttons.Length; i++)
                into[at + 2 + i] = buttons[i].ReadValue<float>();
            return tracked.ReadValue<float>() > 0;
        }

        public void Dispose()
        {
            place.Dispose();
            turn.Dispose();
            tracked.Dispose();
            stick.Dispose();
            foreach (InputAction button in buttons)
                button.Dispose();
        }
#else
        internal XrController(bool left)
        {
        }

        public void Dispose()
        {
        }

        internal bool Read(out Vector3 position, out Quaternion rotation, float[] into, int at)
        {
            position = Vector3.zero;
            rotation = Quaternion.identity;
            return false;
        }
#endif
    }
}

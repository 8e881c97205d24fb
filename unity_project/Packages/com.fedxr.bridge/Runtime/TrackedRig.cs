using UnityEngine;
#if FEDXR_INPUTSYSTEM
using System.Collections.Generic;
using UnityEngine.InputSystem;
using UnityEngine.XR;
#endif

namespace Fedxr
{
    /// <summary>Moves the camera and what is held with the headset and its controllers, in a scene that
    /// has no XR Origin. Without a headset it leaves both where they are. Put it on the rig, at the
    /// height of the floor.</summary>
    [DefaultExecutionOrder(-1000)] // before whatever reads the poses
    [DisallowMultipleComponent]
    [AddComponentMenu("fedxr/Tracked Rig")]
    public sealed class TrackedRig : MonoBehaviour
    {
        [SerializeField] Transform head;
        [SerializeField] Transform leftHand;
        [SerializeField] Transform rightHand;

        /// <summary>Whether a headset is worn.</summary>
        public bool HasHeadset => XrInput.HasHeadset;

#if FEDXR_INPUTSYSTEM
        sealed class Tracked
        {
            readonly Transform moved;
            readonly InputAction place, turn;

            internal Tracked(Transform moved, string place, string turn)
            {
                this.moved = moved;
                this.place = XrInput.Action(place);
                this.turn = XrInput.Action(turn);
            }

            internal void Follow()
            {
                if (!moved)
                    return;
                moved.localPosition = place.ReadValue<Vector3>();
                moved.localRotation = turn.ReadValue<Quaternion>();
            }
        }

        readonly List<Tracked> all = new List<Tracked>();

        void Start()
        {
            const string left = "<XRController>{LeftHand}/", right = "<XRController>{RightHand}/";
            all.Add(new Tracked(head, "<XRHMD>/centerEyePosition", "<XRHMD>/centerEyeRotation"));
            all.Add(new Tracked(leftHand, left + "devicePosition", left + "deviceRotation"));
            all.Add(new Tracked(rightHand, right + "devicePosition", right + "deviceRotation"));
            var inputs = new List<XRInputSubsystem>();
            SubsystemManager.GetSubsystems(inputs);
            foreach (XRInputSubsystem input in inputs)
                input.TrySetTrackingOriginMode(TrackingOriginModeFlags.Floor);
        }

        void Update()
        {
            if (HasHeadset)
                foreach (Tracked one in all)
                    one.Follow();
        }
#endif
    }
}

using UnityEngine;

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

        XrPose[] poses;
        Transform[] moved;
        bool onFloor;

        /// <summary>Whether there is a headset, also while it is not tracked.</summary>
        public bool HasHeadset => XrInput.HasHeadset;

        void OnEnable()
        {
            moved = new[] { head, leftHand, rightHand };
            poses = new[]
            {
                new XrPose("<XRHMD>"),
                new XrPose("<XRController>{LeftHand}"),
                new XrPose("<XRController>{RightHand}"),
            };
        }

        void OnDisable()
        {
            foreach (XrPose pose in poses)
                pose.Dispose();
        }

        void Update()
        {
            if (!HasHeadset)
                return;
            if (!onFloor)
                onFloor = XrInput.StandOnFloor();
            for (int i = 0; i < poses.Length; i++)
            {
                Vector3 place;
                Quaternion turn;
                if (!moved[i] || !poses[i].Read(out place, out turn))
                    continue;
                moved[i].localPosition = place;
                moved[i].localRotation = turn;
            }
        }
    }
}

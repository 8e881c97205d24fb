using UnityEngine;
#if FEDXR_XRHANDS
using System.Collections.Generic;
using UnityEngine.XR.Hands;
#endif

namespace Fedxr
{
    /// <summary>What the XR Hands package says; nothing without it.</summary>
    sealed class XrHandTracking
    {
#if FEDXR_XRHANDS
        readonly List<XRHandSubsystem> found = new List<XRHandSubsystem>();

        /// <summary>Write the 26 joints of a hand, palm first and in the bridge's coordinates; false while
        /// the hand, or one of its joints, is not tracked.</summary>
        internal bool Read(bool left, Transform origin, float[] into)
        {
            if (found.Count == 0)
                SubsystemManager.GetSubsystems(found);
            if (found.Count == 0 || !found[0].running)
                return false;
            XRHand hand = left ? found[0].leftHand : found[0].rightHand;
            if (!hand.isTracked)
                return false;
            int first = XRHandJointID.BeginMarker.ToIndex(), end = XRHandJointID.EndMarker.ToIndex();
            for (int i = first; i < end; i++)
            {
                Pose pose;
                if (!hand.GetJoint(XRHandJointIDUtility.FromIndex(i)).TryGetPose(out pose))
                    return false;
                Tracking.ToWorld(origin, ref pose.position, ref pose.rotation);
                Handedness.Write(pose.position, pose.rotation, into, 7 * PlaceOf(i - first));
            }
            return true;
        }

        /// <summary>XR Hands begins with the wrist and then has the palm; OpenXR has them the other way
        /// round.</summary>
        static int PlaceOf(int joint) => joint < 2 ? 1 - joint : joint;
#else
        internal bool Read(bool left, Transform origin, float[] into) => false;
#endif
    }
}

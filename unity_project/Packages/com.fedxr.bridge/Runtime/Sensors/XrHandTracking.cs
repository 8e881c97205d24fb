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
        XRHandSubsystem hands;

        /// <summary>Write the 26 joints of a hand, palm first and in the bridge's coordinates; false while
        /// the hand, or one of its joints, is not tracked.</summary>
        /// <remarks>One joint without a pose makes the hand wait: the layout has no word for a missing
        /// joint (with a NaN the whole hand is absent), and one that stays behind would look like a gesture that nobody
        /// made.</remarks>
        internal bool Read(bool left, Transform origin, float[] into)
        {
            if (hands == null || !hands.running)
                hands = Running();
            if (hands == null)
                return false;
            XRHand hand = left ? hands.leftHand : hands.rightHand;
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

        /// <summary>Null while there is none; XR that is started again has a new one.</summary>
        XRHandSubsystem Running()
        {
            SubsystemManager.GetSubsystems(found);
            foreach (XRHandSubsystem one in found)
                if (one.running)
                    return one;
            return null;
        }

        /// <summary>XR Hands begins with the wrist and then has the palm; OpenXR has them the other way
        /// round.</summary>
        static int PlaceOf(int joint) => joint < 2 ? 1 - joint : joint;
#else
        internal bool Read(bool left, Transform origin, float[] into) => false;
#endif
    }
}

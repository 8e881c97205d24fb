// Of com.unity.xr.hands 1.x what XrHandTracking.cs needs: one right hand that a test poses.
namespace UnityEngine
{
    public struct Pose
    {
        public Vector3 position;
        public Quaternion rotation;
    }
}

namespace UnityEngine.XR.Hands
{
    public enum XRHandJointID { Invalid, BeginMarker, Wrist = BeginMarker, Palm, ThumbMetacarpal, EndMarker = 27 }

    public static class XRHandJointIDUtility
    {
        public static int ToIndex(this XRHandJointID jointId) => (int)jointId - 1;

        public static XRHandJointID FromIndex(int index) => (XRHandJointID)(index + 1);
    }

    public struct XRHandJoint
    {
        internal Pose? Pose;

        public bool TryGetPose(out Pose pose)
        {
            pose = Pose ?? default(Pose);
            return Pose != null;
        }
    }

    public struct XRHand
    {
        public bool isTracked { get; internal set; }

        public XRHandJoint GetJoint(XRHandJointID id) => new XRHandJoint { Pose = XRHandSubsystem.Only.Joints[id.ToIndex()] };
    }

    public sealed class XRHandSubsystem
    {
        public static XRHandSubsystem Only = new XRHandSubsystem();

        /// <summary>By index: wrist, palm, then thumb to little finger.</summary>
        public readonly Pose?[] Joints = new Pose?[26];

        public bool running { get; set; } = true;
        public XRHand leftHand => default(XRHand);
        public XRHand rightHand => new XRHand { isTracked = Joints[0] != null };
    }
}

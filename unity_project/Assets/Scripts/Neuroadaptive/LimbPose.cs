using System.Collections.Generic;

namespace Fedxr
{
    /// <summary>What a command asks of the virtual limb: five joint angles (degrees) and a beat.</summary>
    public sealed class LimbPose
    {
        /// <summary>Turn of the shoulder to the right.</summary>
        public readonly float Yaw;

        /// <summary>Lift of the upper arm.</summary>
        public readonly float Lift;

        /// <summary>Bend of the elbow.</summary>
        public readonly float Bend;

        /// <summary>Roll of the wrist, clockwise as the owner sees it.</summary>
        public readonly float Roll;

        /// <summary>How far the fingers are closed: 0 flat, 90 a fist.</summary>
        public readonly float Grip;

        /// <summary>How often a second the movement is repeated; 0 holds the pose.</summary>
        public readonly float Beat;

        public LimbPose(float yaw, float lift, float bend, float roll, float grip, float beat)
        {
            Yaw = yaw;
            Lift = lift;
            Bend = bend;
            Roll = roll;
            Grip = grip;
            Beat = beat;
        }

        /// <summary>How the limb hangs when nothing is asked of it.</summary>
        public static readonly LimbPose Rest = new LimbPose(0, 0, 30, 0, 20, 0);

        static readonly Dictionary<string, LimbPose> Poses = new Dictionary<string, LimbPose>
        {
            // the mental commands: reach out and press, sweep along the apps, withdraw
            { "open app", new LimbPose(0, 50, 10, 0, 60, 0) },
            { "select", new LimbPose(0, 50, 10, 0, 60, 0) },
            { "scroll", new LimbPose(35, 40, 20, 0, 10, 0.7f) },
            { "back", new LimbPose(0, 15, 100, 0, 30, 0) },
            { "rest", Rest },
            // the gestures, each as the hand that made it
            { "grab", new LimbPose(0, 40, 20, 0, 90, 0) },
            { "tap", new LimbPose(0, 35, 35, 0, 55, 1.5f) },
            { "expand", new LimbPose(0, 35, 30, 0, 0, 0.8f) },
            { "pinch", new LimbPose(0, 35, 30, 0, 70, 0.8f) },
            { "rotate clockwise", new LimbPose(0, 35, 30, 70, 30, 0.6f) },
            { "rotate counter-clockwise", new LimbPose(0, 35, 30, -70, 30, 0.6f) },
            { "swipe right", new LimbPose(45, 35, 20, 0, 10, 0.8f) },
            { "swipe left", new LimbPose(-45, 35, 20, 0, 10, 0.8f) },
            { "swipe up", new LimbPose(0, 65, 10, 0, 10, 0.8f) },
            { "swipe down", new LimbPose(0, 5, 10, 0, 10, 0.8f) },
            { "swipe X", new LimbPose(30, 60, 15, 45, 10, 0.8f) },
            { "swipe +", new LimbPose(0, 60, 15, 90, 10, 0.8f) },
            { "swipe V", new LimbPose(25, 10, 15, 20, 10, 0.8f) },
            { "shake", new LimbPose(15, 35, 40, 30, 40, 3f) },
        };

        /// <summary>The commands that the limb knows.</summary>
        public static IEnumerable<string> Commands
        {
            get { return Poses.Keys; }
        }

        /// <summary>The pose for <paramref name="command"/>; null for one that it does not know.</summary>
        public static LimbPose For(string command)
        {
            LimbPose pose;
            return Poses.TryGetValue(command, out pose) ? pose : null;
        }
    }
}

using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// Carries out <c>effector</c> with a virtual arm: it takes the pose of the command and holds it
    /// until the command is taken back. A command that it does not know moves it not at all.
    /// </summary>
    public sealed class Limb : CueActor
    {
        [SerializeField] Transform shoulder;
        [SerializeField] Transform elbow;
        [SerializeField] Transform wrist;

        [Tooltip("The lowest joint of each finger.")]
        [SerializeField] Transform[] fingers;

        [SerializeField] Pace pace;

        [Tooltip("Degrees a second at the usual pace.")]
        [SerializeField] float speed = 160f;

        LimbPose pose = LimbPose.Rest;
        string from = "";

        /// <summary>The pose that it moves to or holds.</summary>
        public LimbPose Pose
        {
            get { return pose; }
        }

        public override void Act(Cue cue)
        {
            LimbPose asked = LimbPose.For(cue.Text("command", ""));
            if (asked == null)
                return;
            from = cue.Task;
            pose = asked;
        }

        public override void Clear(string task)
        {
            if (task == from)
                pose = LimbPose.Rest;
        }

        void Update()
        {
            float beat = Mathf.Cos(2f * Mathf.PI * pose.Beat * pace.Speed * Time.time);
            float swing = pose.Beat > 0f ? 0.5f + 0.5f * beat : 1f;
            float step = speed * pace.Speed * Time.deltaTime;
            // joints turn about X with the hand forward, so lifting and bending are negative
            Turn(shoulder, Quaternion.Euler(-pose.Lift, pose.Yaw * swing, 0f), step);
            Turn(elbow, Quaternion.Euler(-pose.Bend, 0f, 0f), step);
            Turn(wrist, Quaternion.Euler(0f, 0f, -pose.Roll * swing), step);
            foreach (Transform finger in fingers)
                Turn(finger, Quaternion.Euler(pose.Grip * swing, 0f, 0f), 2f * step);
        }

        static void Turn(Transform joint, Quaternion goal, float step)
        {
            joint.localRotation = Quaternion.RotateTowards(joint.localRotation, goal, step);
        }
    }
}

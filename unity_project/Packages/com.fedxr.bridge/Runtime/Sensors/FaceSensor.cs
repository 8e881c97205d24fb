using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>The face as 52 weights from 0 to 1. Channel <c>face/arkit52</c>, in the order of
    /// <see cref="Names"/>. No encoder reads it yet: the server says so, and the scene goes on.</summary>
    /// <remarks>It reads the blend shapes of a face mesh by their ARKit names, whichever face tracking
    /// moves it (AR Foundation on ARKit, Meta's Movement SDK, VIVE). Stand-in: Y smiles, H frowns, T opens the
    /// jaw, R raises the brows, Q shuts the eyes.</remarks>
    [AddComponentMenu("fedxr/Face Sensor")]
    public sealed class FaceSensor : Sensor
    {
        const float PerSecond = 6; // how quickly a key is followed

        static readonly string[] names =
        {
            "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
            "eyeSquintLeft", "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight",
            "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft",
            "jawRight", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight",
            "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft",
            "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower",
            "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
            "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
            "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
            "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight",
            "tongueOut",
        };

        [Tooltip("The mesh that a face tracker moves; empty: the keyboard stands in.")]
        [SerializeField] SkinnedMeshRenderer face;

        readonly float[] weights = new float[names.Length];
        FaceShapes shapes;

        /// <summary>30 samples a second.</summary>
        public FaceSensor() : base("face", 30)
        {
        }

        /// <summary>The blend shapes, in the channel's order: Apple's, by regions of the face.</summary>
        public static string[] Names => (string[])names.Clone();

        /// <inheritdoc/>
        public override string Layout => "face/arkit52";

        /// <inheritdoc/>
        /// <exception cref="InvalidOperationException">The mesh has no blend shape of an ARKit name.</exception>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (!IsDue(captureUs))
                return false;
            if (face)
                (shapes ?? (shapes = new FaceShapes(face))).Read(weights);
            else
                StandIn();
            return frame.Add(Channel, weights, 0, weights.Length, 1, captureUs);
        }

        void StandIn()
        {
            Follow("mouthSmile", KeyCode.Y);
            Follow("mouthFrown", KeyCode.H);
            Follow("jawOpen", KeyCode.T);
            Follow("browOuterUp", KeyCode.R);
            Follow("eyeBlink", KeyCode.Q);
        }

        void Follow(string shape, KeyCode key)
        {
            float goal = UserInput.Held(key) ? 1 : 0;
            for (int i = 0; i < names.Length; i++)
                if (names[i].StartsWith(shape, StringComparison.Ordinal))
                    weights[i] = Mathf.MoveTowards(weights[i], goal, PerSecond / (float)RateHz);
        }
    }

    /// <summary>The blend shapes of a face mesh, in the channel's order.</summary>
    sealed class FaceShapes
    {
        readonly SkinnedMeshRenderer face;
        readonly int[] shapes;

        /// <summary>Finds them by their names, which may have a prefix and other capitals
        /// ("Face.EyeBlinkLeft").</summary>
        internal FaceShapes(SkinnedMeshRenderer face)
        {
            this.face = face;
            shapes = Array.ConvertAll(FaceSensor.Names, Find);
            if (Array.TrueForAll(shapes, shape => shape < 0))
                throw new InvalidOperationException("the face mesh " + face.name
                    + " has no blend shape of an ARKit name such as jawOpen");
        }

        internal void Read(float[] weights)
        {
            for (int i = 0; i < weights.Length; i++)
                weights[i] = shapes[i] < 0 ? 0 : Mathf.Clamp01(face.GetBlendShapeWeight(shapes[i]) / 100);
        }

        int Find(string name)
        {
            for (int i = 0; i < face.sharedMesh.blendShapeCount; i++)
                if (face.sharedMesh.GetBlendShapeName(i).EndsWith(name, StringComparison.OrdinalIgnoreCase))
                    return i;
            return -1;
        }
    }
}

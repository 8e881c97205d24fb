using UnityEngine;

namespace Fedxr
{
    /// <summary>A tracked hand in front of the body that does what its owner wants (<c>intent</c>): 26
    /// joints with their orientations, in the bridge's coordinates.</summary>
    public sealed class HandSignal : Signal
    {
        readonly IStates states;
        readonly HandModel model;
        readonly Gesture gesture;
        readonly Noise noise;
        readonly double[] curl = new double[5];
        readonly float[] joints = new float[HandModel.Numbers];

        /// <param name="model">The scenario's model <c>hand</c>.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        public HandSignal(JsonMap model, IStates states, Noise noise)
        {
            this.states = states;
            this.noise = noise;
            this.model = new HandModel(model);
            gesture = new Gesture(model, noise);
        }

        /// <summary>Where the wrist is: metres, bridge's coordinates.</summary>
        public Vector3 Place { get; set; } = new Vector3(0, 1.05f, -0.35f);

        /// <summary>How the hand is turned: bridge's coordinates.</summary>
        public Quaternion Turn { get; set; } = Quaternion.identity;

        /// <summary>Further bend of each finger, thumb first, in rad per joint: the user's own.</summary>
        public double[] Bend { get; } = new double[5];

        /// <inheritdoc/>
        public override int Width => HandModel.Numbers;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            const double tremor = 0.0012; // m
            System.Array.Copy(Bend, curl, curl.Length);
            double rise, roll;
            gesture.At(t, states.StateOf("intent"), curl, out rise, out roll);
            model.Write(curl, Place + new Vector3(0, (float)rise, 0), Turn * HandModel.About(2, roll), joints);
            System.Array.Copy(joints, 0, into, at, joints.Length);
            for (int i = 0; i < joints.Length; i++)
                if (i % 7 < 3)
                    into[at + i] += (float)(tremor * noise.Normal());
        }
    }
}

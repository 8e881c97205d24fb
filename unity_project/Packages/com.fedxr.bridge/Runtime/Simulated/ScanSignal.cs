using System;

namespace Fedxr
{
    /// <summary>Where somebody looks when nothing in particular is asked, x right and y up in the
    /// viewport: fixations, saccades and pursuit, in the manner of the state of one task. See
    /// <c>scenarios/worlds/scanpath.py</c>.</summary>
    public sealed class ScanSignal : Signal
    {
        readonly Noise noise;
        readonly IStates states;
        readonly string task;
        readonly double saccade, holdSpread, restlessness;
        readonly double[] bias;
        readonly JsonMap[] scans;
        readonly double[] centre = new double[2], from = new double[2], place = new double[2], way = new double[2];
        readonly Wander[] drift;
        readonly double[] fixation, spread, pursuit, pursuitSpeed, tremor;
        double arrived, until;

        /// <param name="model">The scenario's model <c>gaze</c>.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        public ScanSignal(JsonMap model, IStates states, Noise noise)
        {
            this.noise = noise;
            this.states = states;
            task = model.Text("task");
            saccade = model.Number("saccade_s");
            holdSpread = model.Number("hold_spread");
            restlessness = model.Number("restlessness");
            bias = model.Numbers("bias");
            scans = model.Maps("scans");
            fixation = Each("fixation_s");
            spread = Each("spread");
            pursuit = Each("pursuit");
            pursuitSpeed = Each("pursuit_speed");
            tremor = Each("tremor");
            drift = new[] { new Wander(noise, 0.3), new Wander(noise, 0.3) };
            for (int i = 0; i < 2; i++)
                centre[i] = place[i] = 0.5 + noise.Uniform(-0.12, 0.12);
        }

        /// <inheritdoc/>
        public override int Width => 2;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            int state = states.StateOf(task);
            if (t >= until)
                Jump(t, state);
            double there = Math.Min(1, (t - arrived + saccade) / saccade);
            for (int i = 0; i < 2; i++)
            {
                double look = t < arrived
                    ? from[i] + there * (place[i] - from[i])
                    : place[i] + way[i] * (t - arrived);
                look += bias[i] + tremor[state] * restlessness * noise.Normal() + 0.01 * drift[i].At(t);
                into[at + i] = (float)look;
            }
        }

        /// <summary>From here to another place, which may then move.</summary>
        void Jump(double t, int state)
        {
            double hold = fixation[state] * noise.LogNormal(holdSpread);
            bool follows = noise.Uniform() < pursuit[state];
            double speed = follows ? pursuitSpeed[state] * noise.LogNormal(0.3) : 0;
            double angle = noise.Uniform(0, 2 * Math.PI);
            for (int i = 0; i < 2; i++)
            {
                from[i] = place[i] + way[i] * Math.Max(0, t - arrived);
                way[i] = speed * (i == 0 ? Math.Cos(angle) : Math.Sin(angle));
                place[i] = centre[i] + spread[state] * noise.Normal() - way[i] * hold / 2;
            }
            arrived = t + saccade;
            until = arrived + hold;
        }

        double[] Each(string key)
        {
            var values = new double[scans.Length];
            for (int i = 0; i < values.Length; i++)
                values[i] = scans[i].Number(key);
            return values;
        }
    }
}

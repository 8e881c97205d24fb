using System;

namespace Fedxr
{
    /// <summary>A rotating machine whose wear (<c>warning</c>) shows in how its impulses ring: felt at
    /// its housing in m/s^2, or heard from some metres away in units of full scale. See
    /// <c>scenarios/worlds/machine.py</c>.</summary>
    public sealed class MachineSignal : Signal
    {
        readonly Noise noise;
        readonly IStates states;
        readonly double[] strength, load, hum = new double[4], humPhase = new double[4];
        readonly double step, jitter, impulses, floor, gain, decay, turn, sine, start;
        double phase, before, last;

        /// <param name="model">The scenario's model <c>machine</c>.</param>
        /// <param name="states">The person, who knows which machine is listened to.</param>
        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">Samples per second.</param>
        /// <param name="far">Heard, not felt.</param>
        public MachineSignal(JsonMap model, IStates states, Noise noise, double rateHz, bool far)
        {
            this.noise = noise;
            this.states = states;
            strength = model.Numbers("strength");
            load = model.Numbers("load");
            impulses = model.Number("impulses_per_turn");
            floor = model.Number(far ? "far_floor" : "floor");
            gain = far ? model.Number("far_gain") : 1;
            step = 2 * Math.PI * model.Number("turn_hz") / rateHz;
            jitter = 0.3 / Math.Sqrt(rateHz);
            // exp(-t/tau) sin(w t) is what this two-pole filter answers to an impulse
            double w = 2 * Math.PI * model.Number("resonance");
            double keep = Math.Exp(-1 / (rateHz * model.Number("ring_s")));
            turn = 2 * keep * Math.Cos(w);
            decay = keep * keep;
            sine = keep * Math.Sin(w);
            start = noise.Uniform(0, 2 * Math.PI);
            for (int k = 0; k < hum.Length; k++)
            {
                hum[k] = noise.LogNormal(0.3) / (k + 1);
                humPhase[k] = noise.Uniform(0, 2 * Math.PI);
            }
        }

        /// <inheritdoc/>
        public override int Width => 1;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            int wear = states.StateOf("warning");
            double old = phase;
            phase += step + jitter * noise.Normal();
            double x = 0;
            for (int k = 0; k < hum.Length; k++)
                x += hum[k] * Math.Sin((k + 1) * phase + humPhase[k]);
            double click = 0;
            if (Math.Floor(impulses * phase / (2 * Math.PI)) > Math.Floor(impulses * old / (2 * Math.PI)))
                click = (1 + load[wear] * Math.Sin(phase + start)) * noise.LogNormal(0.3);
            double ring = turn * last - decay * before + click;
            before = last;
            last = ring;
            x += strength[wear] * sine * before + floor * noise.Normal();
            into[at] = (float)(gain * x);
        }
    }
}

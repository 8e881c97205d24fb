using System;

namespace Fedxr
{
    /// <summary>Electrodes over the back of the head, in volts: noise, alpha and theta rhythms that
    /// tell <c>workload</c>, and the response to the flickering button that <c>intent</c> looks
    /// at. See <c>scenarios/worlds/brain.py</c>.</summary>
    public sealed class EegSignal : Signal
    {
        const double Volt = 1e-6;
        const double FadeSeconds = 0.2;

        readonly IStates states;
        readonly double[] flickerHz, followingUv, alphaUv, thetaUv, ownUv, gain, visual, posterior, diffuse;
        readonly double[] weight;
        readonly double harmonic, pinkUv, fade;
        readonly Band alpha, theta;
        readonly Coloured pink;
        readonly Coloured[] own;
        double alphaNow, thetaNow;

        /// <param name="model">The scenario's model of it.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">Samples per second.</param>
        public EegSignal(JsonMap model, IStates states, Noise noise, double rateHz)
        {
            const double lowestHz = 0.125, ownSlope = 0.8;
            this.states = states;
            flickerHz = model.Numbers("flicker_hz");
            followingUv = model.Numbers("following_uv");
            alphaUv = model.Numbers("alpha_uv");
            thetaUv = model.Numbers("theta_uv");
            ownUv = model.Numbers("own_uv");
            gain = model.Numbers("gain");
            visual = model.Numbers("visual");
            posterior = model.Numbers("posterior");
            diffuse = model.Numbers("diffuse");
            harmonic = model.Number("harmonic");
            pinkUv = model.Number("pink_uv");
            weight = new double[flickerHz.Length];
            fade = 1 / (FadeSeconds * rateHz);
            alpha = new Band(noise, rateHz, model.Number("alpha_hz"), model.Number("width_hz"));
            theta = new Band(noise, rateHz, model.Number("theta_hz"), model.Number("width_hz"));
            pink = new Coloured(noise, rateHz, lowestHz, 1);
            own = new Coloured[gain.Length];
            for (int i = 0; i < own.Length; i++)
                own[i] = new Coloured(noise, rateHz, lowestHz, ownSlope);
            alphaNow = alphaUv[states.StateOf("workload")];
            thetaNow = thetaUv[states.StateOf("workload")];
        }

        /// <inheritdoc/>
        public override int Width => gain.Length;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            int workload = states.StateOf("workload");
            alphaNow += fade * (alphaUv[workload] - alphaNow);
            thetaNow += fade * (thetaUv[workload] - thetaNow);
            double a = alphaNow * alpha.Next(), h = thetaNow * theta.Next();
            double p = pinkUv * pink.Next(), f = Following(t);
            for (int i = 0; i < gain.Length; i++)
            {
                double brain = a * posterior[i] + (h + p) * diffuse[i] + f * visual[i];
                into[at + i] = (float)(Volt * (brain * gain[i] + ownUv[i] * own[i].Next()));
            }
        }

        /// <summary>The response to the button looked at, which fades in and out.</summary>
        double Following(double t)
        {
            int intent = states.StateOf("intent");
            double sum = 0;
            for (int k = 1; k < flickerHz.Length; k++)
            {
                weight[k] += Math.Max(-fade, Math.Min(fade, (k == intent ? 1 : 0) - weight[k]));
                if (weight[k] <= 0)
                    continue;
                double phase = 2 * Math.PI * flickerHz[k] * t;
                sum += weight[k] * followingUv[k] * (Math.Sin(phase) + harmonic * Math.Sin(2 * phase + 1));
            }
            return sum;
        }
    }
}

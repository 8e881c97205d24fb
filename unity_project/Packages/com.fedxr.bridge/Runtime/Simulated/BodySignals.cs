using System;

namespace Fedxr
{
    /// <summary>What tension and engagement make of one number of the body.</summary>
    sealed class Shown
    {
        readonly IStates states;
        readonly double[] byTension, byEngagement;

        internal Shown(JsonMap model, string key, IStates states)
        {
            this.states = states;
            byTension = model.Map(key).Numbers("by_tension");
            byEngagement = model.Map(key).Numbers("by_engagement");
        }

        internal double Now =>
            byTension[states.StateOf("tension")] * byEngagement[states.StateOf("engagement")];
    }

    /// <summary>Conductance of the skin in siemens: a level, and responses whose number tells tension
    /// and engagement. See <c>scenarios/worlds/body.py</c> for all four.</summary>
    public sealed class SkinSignal : Signal
    {
        const double Siemens = 1e-6, LeastUs = 0.05;
        const double Peak = 0.55; // of the difference of the two exponentials, about

        readonly Noise noise;
        readonly Shown responsesHz;
        readonly Wander drift;
        readonly double levelUs, responseUs, keepRise, keepFall, dt;
        double rising, falling;

        /// <param name="model">The scenario's model <c>eda</c>.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">Samples per second.</param>
        public SkinSignal(JsonMap model, IStates states, Noise noise, double rateHz)
        {
            this.noise = noise;
            dt = 1 / rateHz;
            responsesHz = new Shown(model, "responses_hz", states);
            levelUs = model.Number("level_us");
            responseUs = model.Number("response_us");
            keepRise = Math.Exp(-dt / model.Number("rise_s"));
            keepFall = Math.Exp(-dt / model.Number("fall_s"));
            drift = new Wander(noise, 0.05);
            falling = responsesHz.Now * model.Number("fall_s");
        }

        /// <inheritdoc/>
        public override int Width => 1;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            double rate = responsesHz.Now;
            rising *= keepRise;
            falling *= keepFall;
            if (noise.Uniform() < rate * dt)
            {
                double size = noise.LogNormal(0.3);
                rising += size;
                falling += size;
            }
            double level = levelUs * (1 + 0.02 * drift.At(t)) - 2 * responseUs * rate;
            double now = level + responseUs * (falling - rising) / Peak;
            into[at] = (float)(Siemens * Math.Max(now, LeastUs));
        }
    }

    /// <summary>Breaths per second: the more tense, the less even.</summary>
    public sealed class BreathSignal : Signal
    {
        readonly Shown unevenHz;
        readonly Coloured stray;
        readonly double levelHz;

        /// <param name="model">The scenario's model <c>respiration</c>.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">Samples per second.</param>
        public BreathSignal(JsonMap model, IStates states, Noise noise, double rateHz)
        {
            unevenHz = new Shown(model, "uneven_hz", states);
            levelHz = model.Number("level_hz");
            stray = new Coloured(noise, rateHz, 1.0 / 12, 0.5);
        }

        /// <inheritdoc/>
        public override int Width => 1;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            into[at] = (float)Math.Max(0.05, Math.Min(1, levelHz + unevenHz.Now * stray.Next()));
        }
    }

    /// <summary>Heart beats per second: they swing with the breath, less so when tense.</summary>
    public sealed class HeartSignal : Signal
    {
        readonly Noise noise;
        readonly Shown swingHz;
        readonly Wander slow;
        readonly double levelHz, breathHz;

        /// <param name="model">The scenario's model <c>heart_rate</c>.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        public HeartSignal(JsonMap model, IStates states, Noise noise)
        {
            this.noise = noise;
            swingHz = new Shown(model, "swing_hz", states);
            levelHz = model.Number("level_hz");
            breathHz = model.Number("breath_hz");
            slow = new Wander(noise, 0.08);
        }

        /// <inheritdoc/>
        public override int Width => 1;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            double swing = swingHz.Now * Math.Sin(2 * Math.PI * breathHz * t);
            into[at] = (float)(levelHz + swing + 0.012 * slow.At(t) + 0.008 * noise.Normal());
        }
    }

    /// <summary>Temperature of the skin in kelvin: a level that tension slowly lowers.</summary>
    public sealed class TemperatureSignal : Signal
    {
        const double MostK = 0.5; // fingers cool by no more in a stressful minute

        readonly Noise noise;
        readonly IStates states;
        readonly double levelK, dt;
        readonly double[] slopeK;
        double change;

        /// <param name="model">The scenario's model <c>temperature</c>.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">Samples per second.</param>
        public TemperatureSignal(JsonMap model, IStates states, Noise noise, double rateHz)
        {
            this.noise = noise;
            this.states = states;
            levelK = model.Number("level_k");
            slopeK = model.Numbers("slope_k");
            dt = 1 / rateHz;
        }

        /// <inheritdoc/>
        public override int Width => 1;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            change += dt * slopeK[states.StateOf("tension")];
            change = Math.Max(-MostK, Math.Min(MostK, change));
            into[at] = (float)(levelK + change + 0.01 * noise.Normal());
        }
    }
}

using System;

namespace Fedxr
{
    /// <summary>A voice that says nothing in particular, in a <c>mood</c>: harmonics under two formants
    /// per syllable, in units of full scale. See <c>scenarios/worlds/voice.py</c>.</summary>
    public sealed class VoiceSignal : Signal
    {
        const double Voiced = 0.7, Silent = 1.0 / 6, EdgeSeconds = 0.03, SlowHz = 100;
        const double FormantHz = 180, Valley = 0.15, Hiss = 0.0015, Loudness = 0.05;

        readonly Noise noise;
        readonly IStates states;
        readonly Tone[] tones;
        readonly Coloured slow;
        readonly double[] formants, weight;
        readonly double rateHz, pitchHz, levelDb, tiltDb, syllablesHz, life;
        double phase, bend, nextBend, until, voicedUntil, loud, edge;

        /// <param name="model">The scenario's model <c>voice</c>.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">Samples per second.</param>
        public VoiceSignal(JsonMap model, IStates states, Noise noise, double rateHz)
        {
            this.noise = noise;
            this.states = states;
            this.rateHz = rateHz;
            pitchHz = model.Number("pitch_hz");
            levelDb = model.Number("level_db");
            tiltDb = model.Number("tilt_db");
            syllablesHz = model.Number("syllables_hz");
            life = model.Number("liveliness");
            formants = model.Numbers("formants_hz");
            weight = new double[(int)model.Number("harmonics")];
            JsonMap[] maps = model.Maps("tones");
            tones = new Tone[maps.Length];
            for (int i = 0; i < tones.Length; i++)
                tones[i] = new Tone(maps[i]);
            slow = new Coloured(noise, SlowHz, 0.25, 1.6);
        }

        /// <inheritdoc/>
        public override int Width => 1;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            Tone tone = tones[states.StateOf("mood")];
            double own = pitchHz * Math.Pow(2, tone.Pitch * life / 12);
            if (t >= until)
                Begin(t, tone, own);
            if (t >= nextBend)
            {
                bend = Math.Pow(2, tone.Spread * slow.Next() / 12);
                nextBend = t + 1 / SlowHz;
            }
            phase = (phase + 2 * Math.PI * own * bend / rateHz) % (2 * Math.PI);
            double goal = t < voicedUntil ? loud : 0;
            double most = 1 / (EdgeSeconds * rateHz);
            edge += Math.Max(-most, Math.Min(most, goal - edge));
            double level = Loudness * Math.Pow(10, (levelDb + tone.LevelDb * life) / 20);
            into[at] = (float)(level * edge * Harmonics() + Hiss * noise.Normal());
        }

        /// <summary>Sum of weight k times sin(k phase), by the recurrence of sines.</summary>
        double Harmonics()
        {
            double twice = 2 * Math.Cos(phase), before = 0, sine = Math.Sin(phase), sum = 0;
            for (int k = 0; k < weight.Length; k++)
            {
                sum += weight[k] * sine;
                double next = twice * sine - before;
                before = sine;
                sine = next;
            }
            return sum;
        }

        /// <summary>The next syllable: how long, how loud, which vowel.</summary>
        void Begin(double t, Tone tone, double own)
        {
            double lasts = noise.Uniform(0.75, 1.25) / (syllablesHz * (1 + (tone.Tempo - 1) * life));
            until = t + lasts;
            bool speaks = noise.Uniform() > Silent;
            voicedUntil = speaks ? t + Voiced * lasts : t;
            loud = noise.Uniform(0.7, 1.2);
            int vowel = 2 * noise.Below(formants.Length / 2);
            double tilt = tiltDb + tone.TiltDb * life;
            for (int k = 0; k < weight.Length; k++)
            {
                double hz = (k + 1) * own;
                double lift = Valley + Peak(hz, formants[vowel]) + Peak(hz, formants[vowel + 1]);
                double slope = Math.Pow(10, tilt * Math.Log(k + 1, 2) / 20);
                weight[k] = hz < 0.45 * rateHz ? slope * lift : 0;
            }
        }

        static double Peak(double hz, double formant)
        {
            double off = (hz - formant) / FormantHz;
            return Math.Exp(-off * off);
        }

        /// <summary>How a mood changes a voice.</summary>
        sealed class Tone
        {
            internal readonly double Pitch, Spread, Tempo, LevelDb, TiltDb;

            internal Tone(JsonMap map)
            {
                Pitch = map.Number("pitch");
                Spread = map.Number("spread");
                Tempo = map.Number("tempo");
                LevelDb = map.Number("level_db");
                TiltDb = map.Number("tilt_db");
            }
        }
    }
}

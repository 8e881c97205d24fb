using UnityEngine;

namespace Fedxr
{
    /// <summary>A microphone that hears the scenario's simulated sound: the user's voice, which shows
    /// their <c>mood</c>, or the machine, which shows its wear (<c>warning</c>). Channel
    /// <c>audio/pcm16</c>. <see cref="MicrophoneSensor"/> is the real one.</summary>
    [AddComponentMenu("fedxr/Simulated Sound")]
    public sealed class SimulatedSound : SimulatedSensor
    {
        short[] sound;

        /// <summary>8000 samples a second.</summary>
        public SimulatedSound() : base("microphone", 8000, "queue 16384")
        {
        }

        /// <inheritdoc/>
        public override string Layout => "audio/pcm16";

        /// <inheritdoc/>
        protected override Signal Make(Scenario scenario, IStates states, Noise noise)
        {
            sound = new short[(int)(RateHz / 2) + 1];
            if (scenario.Person != null && scenario.Person.Has("machine"))
                return new MachineSignal(scenario.Simulated("machine"), states, noise, RateHz, true);
            return new VoiceSignal(scenario.Simulated("voice"), states, noise, RateHz);
        }

        /// <inheritdoc/>
        protected override bool Put(
            FrameBuilder frame, float[] values, int n, long startUs, double periodUs, long first)
        {
            Pcm.Convert(values, sound, n);
            return frame.Add(Channel, sound, 0, n, n, startUs, periodUs, first);
        }
    }

    /// <summary>Sound as 16-bit numbers.</summary>
    static class Pcm
    {
        /// <summary>-1 to 1 becomes -32768 to 32767; what is louder is cut.</summary>
        internal static void Convert(float[] sound, short[] into, int n)
        {
            for (int i = 0; i < n; i++)
            {
                float x = sound[i] * 32768;
                into[i] = x > 32767 ? (short)32767 : x < -32768 ? (short)-32768 : (short)System.Math.Round(x);
            }
        }
    }
}

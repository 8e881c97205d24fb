using System;

namespace UnityEngine
{
    /// <summary>Sound: frames of <see cref="channels"/> numbers from -1 to 1.</summary>
    public sealed class AudioClip : Object
    {
        readonly float[] data;

        AudioClip(int lengthSamples, int channels, int frequency)
        {
            samples = lengthSamples;
            this.channels = channels;
            this.frequency = frequency;
            data = new float[lengthSamples * channels];
        }

        public int samples { get; }
        public int channels { get; }
        public int frequency { get; }
        public float length => (float)samples / frequency;

        public static AudioClip Create(string name, int lengthSamples, int channels, int frequency, bool stream) =>
            new AudioClip(lengthSamples, channels, frequency) { name = name };

        /// <summary>Fill <paramref name="data"/> from that sample on; past the end it goes on at the start.</summary>
        public bool GetData(float[] data, int offsetSamples)
        {
            for (int i = 0; i < data.Length; i++)
                data[i] = this.data[(offsetSamples * channels + i) % this.data.Length];
            return true;
        }

        public bool SetData(float[] data, int offsetSamples)
        {
            for (int i = 0; i < data.Length; i++)
                this.data[(offsetSamples * channels + i) % this.data.Length] = data[i];
            return true;
        }
    }

    public sealed class AudioListener : Behaviour
    {
        public static float volume { get; set; } = 1;
    }

    public sealed class AudioSource : Behaviour
    {
        public AudioClip clip { get; set; }
        public float volume { get; set; } = 1;
        public float pitch { get; set; } = 1;
        public bool loop { get; set; }
        public bool playOnAwake { get; set; } = true;
        public bool isPlaying { get; private set; }

        public void Play()
        {
            isPlaying = clip != null;
        }

        public void PlayOneShot(AudioClip clip) { }

        public void Stop()
        {
            isPlaying = false;
        }
    }

    /// <summary>One microphone that hears a steady 200 Hz tone.</summary>
    public static class Microphone
    {
        const float Hz = 200;

        static AudioClip clip;
        static double started;

        public static string[] devices => new[] { "Stub microphone" };

        /// <summary>A ring of that many seconds that is filled from now on.</summary>
        public static AudioClip Start(string deviceName, bool loop, int lengthSec, int frequency)
        {
            clip = AudioClip.Create("Microphone", lengthSec * frequency, 1, frequency, false);
            started = Time.timeAsDouble;
            var tone = new float[clip.samples];
            for (int i = 0; i < tone.Length; i++)
                tone[i] = 0.1f * (float)Math.Sin(2 * Math.PI * Hz * i / frequency);
            clip.SetData(tone, 0);
            return clip;
        }

        /// <summary>Where in the ring the next sample goes.</summary>
        public static int GetPosition(string deviceName) =>
            clip == null ? 0 : (int)((Time.timeAsDouble - started) * clip.frequency) % clip.samples;

        public static bool IsRecording(string deviceName) => clip != null;

        public static void End(string deviceName)
        {
            clip = null;
        }
    }
}

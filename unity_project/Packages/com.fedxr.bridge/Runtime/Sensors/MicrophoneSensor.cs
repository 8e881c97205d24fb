using System;
using UnityEngine;
#if UNITY_ANDROID && !UNITY_EDITOR
using UnityEngine.Android;
#endif

namespace Fedxr
{
    /// <summary>The microphone. Channel <c>audio/pcm16</c>, mono. A laptop's serves as well as a
    /// headset's; where there is none, <see cref="SimulatedSound"/> stands in. The user is asked for
    /// leave to listen; until it is given, nothing is sent.</summary>
    [AddComponentMenu("fedxr/Microphone Sensor")]
    public sealed class MicrophoneSensor : Sensor
    {
        const int RingSeconds = 2;
        const long LagUs = 30000; // sound comes in lumps: stamps lie this far behind
        const long MostBehindUs = 200000; // further, and sound was lost in between

        [Tooltip("Name of the microphone; empty: the default one.")]
        [SerializeField] string device = "";

        AudioClip ring;
        float[] heard;
        short[] sound;
        int read;
        long startUs, endUs, index;
        bool asked;

        /// <summary>16000 samples a second.</summary>
        public MicrophoneSensor() : base("microphone", 16000, "queue 16384")
        {
        }

        /// <inheritdoc/>
        public override string Layout => "audio/pcm16";

        string Device => device.Length == 0 ? null : device;

        /// <inheritdoc/>
        /// <exception cref="InvalidOperationException">There is no microphone, or not at this rate.</exception>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (!MayListen())
                return false;
            if (ring && !Microphone.IsRecording(Device))
                End(); // the system has stopped it, as it does while the application is paused
            if (!ring)
                Begin();
            int n = (Microphone.GetPosition(Device) - read + ring.samples) % ring.samples;
            if (n == 0)
                return false;
            n = Math.Min(n, sound.Length);
            ring.GetData(heard, read); // the whole array from there on: of it the first n are new
            read = (read + n) % ring.samples;
            double period = 1e6 / RateHz;
            long end = startUs + (long)((index + n) * period);
            if (index == 0 || captureUs - end > MostBehindUs || end > captureUs)
            {
                index = 0;
                startUs = captureUs - LagUs - (long)(n * period);
                if (startUs < endUs)
                    return false; // its clock is quicker than ours: lumps are left out, and the stamps show it
            }
            Pcm.Convert(heard, sound, n);
            bool added = frame.Add(Channel, sound, 0, n, n, startUs, period, index);
            index += n;
            endUs = startUs + (long)(index * period);
            return added;
        }

        /// <summary>Whether the user lets us; asks where that is open, once for each time this is
        /// enabled.</summary>
        bool MayListen()
        {
#if UNITY_ANDROID && !UNITY_EDITOR
            bool may = Permission.HasUserAuthorizedPermission(Permission.Microphone);
#else
            bool may = Application.HasUserAuthorization(UserAuthorization.Microphone);
#endif
            if (may || asked)
                return may;
            asked = true;
            Debug.Log("fedxr: sensor " + ChannelName + " waits until the user allows the microphone", this);
#if UNITY_ANDROID && !UNITY_EDITOR
            Permission.RequestUserPermission(Permission.Microphone);
#else
            Application.RequestUserAuthorization(UserAuthorization.Microphone);
#endif
            return false;
        }

        void Begin()
        {
            if (Microphone.devices.Length == 0)
                throw new InvalidOperationException(
                    "there is no microphone, or no permission to use it; SimulatedSound can stand in");
            ring = Microphone.Start(Device, true, RingSeconds, (int)RateHz);
            if (!ring || ring.frequency != (int)RateHz || ring.channels != 1)
                throw new InvalidOperationException("the microphone does not give " + RateHz
                    + " samples a second of one channel");
            heard = new float[ring.samples / RingSeconds];
            sound = new short[ring.samples / RingSeconds];
        }

        void OnDisable()
        {
            End();
            asked = false;
        }

        void End()
        {
            if (ring)
            {
                Microphone.End(Device);
                Destroy(ring);
            }
            ring = null;
            read = 0;
            index = 0;
        }
    }
}

using System;
using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>A connection's sensors. Channels are offered when it begins: those of the sensors that
    /// are on then.</summary>
    sealed class OfferedSensors
    {
        static readonly Predicate<Sensor> isOn = sensor => sensor && sensor.isActiveAndEnabled;

        readonly List<Sensor> off = new List<Sensor>();

        /// <summary>Those whose channels are offered.</summary>
        internal List<Sensor> On { get; } = new List<Sensor>();

        /// <summary>Look on the connection's object and below.</summary>
        internal void Gather(HeadsetConnection connection)
        {
            On.Clear();
            off.Clear();
            foreach (Sensor sensor in connection.GetComponentsInChildren<Sensor>(true))
                (isOn(sensor) ? On : off).Add(sensor);
        }

        /// <summary>Say of a sensor that has been switched on since that it has no channel.</summary>
        /// <param name="again">Whether the connection can begin anew.</param>
        internal void TellOfLate(bool again)
        {
            Sensor late = off.Find(isOn);
            if (late == null)
                return;
            off.Remove(late);
            Debug.LogWarning("fedxr: sensor " + late.ChannelName + " was off when the connection began, so nothing "
                + "of it is sent. Have it on from the start"
                + (again ? ", or switch the Headset Connection off and on." : "."), late);
        }

        /// <summary>Add to <paramref name="frame"/> what is new in them.</summary>
        internal void Sample(long captureUs, FrameBuilder frame)
        {
            for (int i = 0; i < On.Count; i++)
            {
                Sensor sensor = On[i];
                if (!isOn(sensor) || !sensor.Channel.Accepted)
                    continue;
                try
                {
                    sensor.Sample(captureUs, frame);
                }
                catch (Exception error)
                {
                    sensor.enabled = false; // told once; the other sensors go on
                    Debug.LogError("fedxr: sensor " + sensor.ChannelName + " is switched off: "
                        + (HeadsetConnection.IsAdvice(error) ? error.Message : error.ToString()), sensor);
                }
            }
        }
    }
}

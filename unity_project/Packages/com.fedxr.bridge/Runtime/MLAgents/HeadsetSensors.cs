using System.Collections.Generic;
using Unity.MLAgents.Sensors;
using UnityEngine;
using UnityEngine.Rendering;

namespace Fedxr
{
    /// <summary>Gives ML-Agents the headset's sensors. <see cref="HeadsetAgent"/> adds it.</summary>
    [AddComponentMenu("")]
    public sealed class HeadsetSensors : SensorComponent
    {
        /// <summary>One observation for each sensor whose samples have a fixed size, and one for each
        /// camera where there are graphics.</summary>
        /// <returns>The observations; ML-Agents sorts them by name.</returns>
        public override ISensor[] CreateSensors()
        {
            var agent = GetComponent<HeadsetAgent>();
            var found = new List<Sensor>();
            foreach (Sensor sensor in GetComponentsInChildren<Sensor>())
                if (sensor.isActiveAndEnabled)
                    found.Add(sensor);
            var tap = new SampleTap(found);
            var made = new List<ISensor>();
            foreach (Sensor sensor in found)
            {
                ISensor observed = Observed(sensor, tap, agent);
                if (observed != null)
                    made.Add(observed);
            }
            return made.ToArray();
        }

        static ISensor Observed(Sensor sensor, SampleTap tap, HeadsetAgent agent)
        {
            if (!Layout.Find(sensor.Layout).IsFree)
                return new ChannelSensor(sensor, tap, () => agent.NowUs, HeadsetAgent.StepSeconds);
            var camera = sensor as CameraSensor;
            if (camera == null)
                return Left(sensor, "its size is not known beforehand");
            if (SystemInfo.graphicsDeviceType == GraphicsDeviceType.Null)
                return Left(sensor, "this player has no graphics");
            return new Unity.MLAgents.Sensors.CameraSensor(camera.GetComponent<Camera>(), camera.Side,
                camera.Side, sensor.Layout == "vision/gray",
                ChannelSensor.NameOf(sensor, 1, HeadsetAgent.StepSeconds), SensorCompressionType.PNG);
        }

        static ISensor Left(Sensor sensor, string why)
        {
            Debug.LogWarning("fedxr: " + sensor.ChannelName + " (" + sensor.Layout
                + ") is not sent through ML-Agents: " + why, sensor);
            return null;
        }
    }
}

using System;
using System.Reflection;
using NUnit.Framework;
using UnityEngine;

namespace Fedxr.Tests
{
    /// <summary>What sensors do in every frame leaves nothing to collect.</summary>
    public class AllocationTests
    {
        const string Scenario = "unity_project/Assets/Scenarios/neuroadaptive.json";

        public static readonly Type[] Sensors =
        {
            typeof(HeadSensor), typeof(GazeSensor), typeof(HandSensor), typeof(ControllerSensor),
            typeof(FaceSensor), typeof(SimulatedEeg),
        };

        static HeadsetConnection Rig()
        {
            var rig = new GameObject("Rig");
            var connection = rig.AddComponent<HeadsetConnection>();
            string root = Environment.GetEnvironmentVariable("FEDXR_ROOT");
            typeof(HeadsetConnection).GetField("scenarioJson", BindingFlags.NonPublic | BindingFlags.Instance)
                .SetValue(connection, new TextAsset(System.IO.File.ReadAllText(System.IO.Path.Combine(root, Scenario))));
            rig.AddComponent<SimulatedPerson>();
            var eye = new GameObject("Eye") { tag = "MainCamera" };
            eye.AddComponent<Camera>();
            return connection;
        }

        [TestCaseSource(nameof(Sensors))]
        public void ASampleAllocatesNothing(Type type)
        {
            var sensor = (Sensor)Rig().gameObject.AddComponent(type);
            BridgeClient client = Offline.Open(sensor.Offer());
            sensor.Channel = client.Find(sensor.ChannelName);
            var writer = new MessagePackWriter();
            FrameBuilder frame = client.Frame;
            long allocated = 0;
            int samples = 0;
            for (int i = 1; i <= 600; i++)
            {
                long t = i * 11111L;
                frame.Begin(t);
                long before = GC.GetAllocatedBytesForCurrentThread();
                bool added = sensor.Sample(t, frame);
                if (i > 100) // what is made once is made by then
                    allocated += GC.GetAllocatedBytesForCurrentThread() - before;
                samples += added ? 1 : 0;
                frame.Send();
                client.Outbox.Take(writer);
            }
            Assert.Greater(samples, 150);
            Assert.AreEqual(0, allocated);
        }
    }
}

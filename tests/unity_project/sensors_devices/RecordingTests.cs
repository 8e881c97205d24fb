using System;
using System.Collections.Generic;
using System.Threading;
using NUnit.Framework;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Stub;

namespace Fedxr.Tests
{
    /// <summary>The microphone and the camera, where things do not go smoothly.</summary>
    public class RecordingTests
    {
        const double Step = 0.02; // seconds a frame
        const long BeginUs = 10000000;

        static BridgeClient client;

        static T Sensor<T>() where T : Sensor
        {
            var holder = new GameObject("Rig");
            holder.AddComponent<Camera>();
            var made = holder.AddComponent<T>();
            client = Offline.Open(made.Offer());
            made.Channel = client.Find(made.ChannelName);
            return made;
        }

        /// <summary>One frame, so long after the beginning; what the sensor added, or null.</summary>
        static Dictionary<string, object> Frame(Sensor sensor, long captureUs, double seconds = Step)
        {
            PlayerLoop.Step(seconds);
            captureUs += BeginUs;
            client.Frame.Begin(captureUs);
            bool added = sensor.Sample(captureUs, client.Frame);
            client.Frame.Send();
            Dictionary<string, object> sent = Offline.Take(client);
            return added ? (Dictionary<string, object>)((List<object>)sent["blocks"])[0] : null;
        }

        [TearDown]
        public void Allow()
        {
            Permissions.Granted = AsyncGPUReadback.Works = true;
        }

        [Test]
        public void NothingIsHeardBeforeTheUserAllowsIt()
        {
            Permissions.Granted = false;
            var sensor = Sensor<MicrophoneSensor>();
            int asked = Permissions.Asked;
            for (int i = 1; i <= 5; i++)
                Assert.IsNull(Frame(sensor, i * 20000));
            Assert.AreEqual(asked + 1, Permissions.Asked);
            Permissions.Granted = true;
            Frame(sensor, 120000);
            Assert.IsNotNull(Frame(sensor, 140000));
        }

        [Test]
        public void ARecordingThatTheSystemStoppedBeginsAgain()
        {
            var sensor = Sensor<MicrophoneSensor>();
            for (int i = 1; i <= 5; i++)
                Frame(sensor, i * 20000);
            Microphone.End(null);
            int heard = 0;
            for (int i = 6; i <= 10; i++)
                heard += Frame(sensor, i * 20000) != null ? 1 : 0;
            Assert.GreaterOrEqual(heard, 3);
        }

        [Test]
        public void WhatAQuickerMicrophoneLosesIsAGapInTheStamps()
        {
            var sensor = Sensor<MicrophoneSensor>();
            double end = 0;
            int gaps = 0, heard = 0;
            for (int i = 1; i <= 100; i++)
            {
                Dictionary<string, object> block = Frame(sensor, i * 20000, 1.1 * Step);
                if (block == null)
                    continue;
                object first;
                block.TryGetValue("first", out first);
                double period = Convert.ToDouble(block["period_us"]);
                double start = Convert.ToDouble(block["t0_us"]) + Convert.ToDouble(first) * period;
                Assert.GreaterOrEqual(start, end - 1);
                gaps += heard > 0 && start > end + 2 ? 1 : 0;
                end = start + Convert.ToDouble(block["n"]) * period;
                heard++;
            }
            Assert.Greater(heard, 80);
            Assert.Greater(gaps, 2);
        }

        [Test]
        public void ACameraGivesItsTargetBack()
        {
            var sensor = Sensor<CameraSensor>();
            var eye = sensor.GetComponent<Camera>();
            Frame(sensor, 20000);
            RenderTexture target = eye.targetTexture;
            Assert.IsTrue(target);
            UnityEngine.Object.DestroyImmediate(sensor);
            Assert.IsFalse(target);
            Assert.IsNull(eye.targetTexture);
        }

        [Test]
        public void ACameraThatFailedWorksWhenItIsSwitchedOnAgain()
        {
            var sensor = Sensor<CameraSensor>();
            AsyncGPUReadback.Works = false;
            Frame(sensor, 1000000);
            Assert.Throws<InvalidOperationException>(() => Frame(sensor, 2000000));
            AsyncGPUReadback.Works = true;
            sensor.enabled = false;
            sensor.enabled = true;
            Dictionary<string, object> picture = null;
            for (int i = 4; i < 40 && picture == null; i++)
            {
                picture = Frame(sensor, i * 1000000L);
                Thread.Sleep(5); // it is packed in another thread
            }
            Assert.IsNotNull(picture);
        }
    }
}

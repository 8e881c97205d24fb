using System;
using System.Collections.Generic;
using NUnit.Framework;
using Unity.Collections;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Stub;

namespace Fedxr.Pins
{
    /// <summary>Mouse, keyboard, cameras, sound and colliders.</summary>
    [TestFixture]
    public sealed class DeviceTests
    {
        sealed class Script : MonoBehaviour
        {
            public Action Do;

            void Update() => Do();
        }

        [TearDown]
        public void Quit()
        {
            PlayerLoop.Quit();
            Hands.Release(KeyCode.Space);
            Hands.Release(KeyCode.Mouse0);
        }

        static readonly List<string> seen = new List<string>();

        /// <summary>Input.GetKeyDown: true "during the frame the user starts pressing down the key"; GetKey
        /// while it is held.</summary>
        [Test]
        public void KeyEdgesLastOneFrame()
        {
            seen.Clear();
            new GameObject("script").AddComponent<Script>().Do = () => seen.Add(
                (Input.GetKeyDown(KeyCode.Space) ? "down " : "") + (Input.GetKey(KeyCode.Space) ? "held" : ""));
            PlayerLoop.Step(0.01);
            Hands.Press(KeyCode.Space);
            PlayerLoop.Step(0.01);
            PlayerLoop.Step(0.01);
            Hands.Release(KeyCode.Space);
            PlayerLoop.Step(0.01);
            PlayerLoop.Step(0.01);
            Assert.AreEqual(new[] { "", "down held", "held", "", "" }, seen.ToArray());
        }

        /// <summary>Input.GetAxis: for the mouse its move in this frame times the sensitivity, 0.1 in a new
        /// project. Mouse buttons are keys too.</summary>
        [Test]
        public void TheMouseMovesByItsDifference()
        {
            Hands.Mouse = new Vector3(100, 100);
            PlayerLoop.Step(0.01);
            Hands.Mouse = new Vector3(130, 90);
            Hands.Press(KeyCode.Mouse0);
            PlayerLoop.Step(0.01);
            Assert.AreEqual(3f, Input.GetAxis("Mouse X"), 1e-5f);
            Assert.AreEqual(-1f, Input.GetAxis("Mouse Y"), 1e-5f);
            Assert.IsTrue(Input.GetMouseButtonDown(0));
            Assert.AreEqual(130f, Input.mousePosition.x);
            Assert.Throws<ArgumentException>(() => Input.GetAxis("no such axis"));
        }

        /// <summary>Physics.Raycast: the nearest collider along the ray; scale and turn of the object count;
        /// none is hit from within.</summary>
        [Test]
        public void RaysHitTheNearestBox()
        {
            BoxCollider far = new GameObject("far").AddComponent<BoxCollider>();
            PlayerLoop.Step(0.01);
            BoxCollider near = new GameObject("near").AddComponent<BoxCollider>();
            far.transform.position = new Vector3(0, 0, 8);
            near.transform.position = new Vector3(0, 0, 5);
            near.transform.rotation = Quaternion.Euler(0, 90, 0);
            near.transform.localScale = new Vector3(4, 1, 1); // four metres along the world's z
            RaycastHit hit;
            Assert.IsTrue(Physics.Raycast(new Ray(Vector3.zero, Vector3.forward), out hit));
            Assert.AreEqual(near, hit.collider);
            Assert.AreEqual(3f, hit.distance, 1e-4f);
            Assert.IsFalse(Physics.Raycast(new Ray(Vector3.zero, Vector3.forward), out hit, 2.9f));
            Assert.IsTrue(Physics.Raycast(new Ray(new Vector3(0, 0, 5), Vector3.forward), out hit));
            Assert.AreEqual(far, hit.collider);
        }

        /// <summary>A red box before a blue ground: the painter's picture, lowest row first, and the same by
        /// readback, whose callback comes with a later frame (AsyncGPUReadback: "adds latency").</summary>
        [Test]
        public void ACameraPaintsWhatIsBeforeIt()
        {
            Camera camera = new GameObject("camera").AddComponent<Camera>();
            camera.backgroundColor = Color.blue;
            camera.targetTexture = new RenderTexture(64, 64, 0);
            GameObject box = GameObject.CreatePrimitive(PrimitiveType.Cube);
            box.transform.position = new Vector3(0, -1.5f, 4); // below the middle
            box.GetComponent<Renderer>().material.color = Color.red;
            PlayerLoop.Step(0.01);
            byte[] got = null;
            AsyncGPUReadback.Request(camera.targetTexture, 0, TextureFormat.RGB24, request =>
            {
                Assert.IsTrue(request.done);
                got = request.GetData<byte>().ToArray();
            });
            Assert.IsNull(got);
            PlayerLoop.Step(0.01);
            Assert.AreEqual(64 * 64 * 3, got.Length);
            Assert.AreEqual(new byte[] { 255, 0, 0 }, Pixel(got, 32, 12));
            Assert.AreEqual(new byte[] { 0, 0, 255 }, Pixel(got, 32, 52));
            Assert.AreEqual(new byte[] { 0, 0, 255 }, Pixel(got, 2, 12));
        }

        static byte[] Pixel(byte[] data, int x, int y)
        {
            int at = (y * 64 + x) * 3;
            return new[] { data[at], data[at + 1], data[at + 2] };
        }

        /// <summary>Renderer.material: "modifying material will change the material for this object only".</summary>
        [Test]
        public void ColoursOfOneRendererAreItsOwn()
        {
            Renderer a = GameObject.CreatePrimitive(PrimitiveType.Cube).GetComponent<Renderer>();
            Renderer b = GameObject.CreatePrimitive(PrimitiveType.Cube).GetComponent<Renderer>();
            b.sharedMaterial = a.sharedMaterial;
            a.material.color = Color.red;
            Assert.AreEqual(Color.white, b.sharedMaterial.color);
            Assert.AreEqual(Color.red, a.sharedMaterial.color);
        }

        /// <summary>Microphone.Start: a clip of that many seconds which is filled while time goes on;
        /// GetPosition is where it is. AudioClip.GetData goes on at the start past the end.</summary>
        [Test]
        public void TheMicrophoneFillsARing()
        {
            AudioClip ring = Microphone.Start(null, true, 1, 8000);
            Assert.AreEqual(0, Microphone.GetPosition(null));
            PlayerLoop.Step(0.25);
            Assert.AreEqual(2000, Microphone.GetPosition(null), 1);
            PlayerLoop.Step(1);
            Assert.AreEqual(2000, Microphone.GetPosition(null), 1);
            var heard = new float[100];
            ring.GetData(heard, 7950);
            var again = new float[50];
            ring.GetData(again, 0);
            Assert.AreEqual(again[10], heard[60]);
            Microphone.End(null);
            Assert.AreEqual(0, Microphone.GetPosition(null));
        }
    }
}

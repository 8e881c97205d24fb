using System.Reflection;
using NUnit.Framework;
using UnityEngine;
using UnityEngine.InputSystem;
using UnityEngine.Stub;
using UnityEngine.XR.ARFoundation;
using UnityEngine.XR.ARSubsystems;
using UnityEngine.XR.Hands;

namespace Fedxr.Tests
{
    /// <summary>What is made of the optional packages' answers, with stand-ins of the packages.</summary>
    public class DeviceTests
    {
        static void AreEqual(Vector3 due, Vector3 found)
        {
            Assert.AreEqual(due.x, found.x, 1e-5);
            Assert.AreEqual(due.y, found.y, 1e-5);
            Assert.AreEqual(due.z, found.z, 1e-5);
        }

        /// <summary>As the editor does before each play.</summary>
        static void StartAnew() =>
            typeof(XrInput).GetMethod("Forget", BindingFlags.Static | BindingFlags.NonPublic).Invoke(null, null);

        [SetUp]
        public void Forget()
        {
            InputAction.Controls.Clear();
        }

        [Test]
        public void GazeIsReadWhileItIsTracked()
        {
            Vector3 place;
            Quaternion turn;
            Assert.IsFalse(XrInput.Gaze(out place, out turn));
            InputAction.Controls["<EyeGaze>/pose/position"] = new Vector3(0, 1.6f, 0);
            InputAction.Controls["<EyeGaze>/pose/rotation"] = Quaternion.Euler(0, 90, 0);
            InputAction.Controls["<EyeGaze>/pose/isTracked"] = 1f;
            Assert.IsTrue(XrInput.Gaze(out place, out turn));
            AreEqual(new Vector3(0, 1.6f, 0), place);
            AreEqual(Vector3.right, turn * Vector3.forward);
        }

        [Test]
        public void AHeadsetThatHasLostItsTrackingIsAHeadset()
        {
            Assert.IsFalse(XrInput.HasHeadset);
            InputAction.Controls["<XRHMD>/isTracked"] = 0f;
            Assert.IsTrue(XrInput.HasHeadset);
            var sensor = new GameObject("Gaze").AddComponent<GazeSensor>();
            new GameObject("Eye") { tag = "MainCamera" }.AddComponent<Camera>();
            BridgeClient client = Offline.Open(sensor.Offer());
            sensor.Channel = client.Find(sensor.ChannelName);
            client.Frame.Begin(1000);
            Assert.IsFalse(sensor.Sample(1000, client.Frame)); // not the mouse
        }

        [Test]
        public void NoActionOutlivesItsUser()
        {
            StartAnew();
            int before = InputAction.Living;
            var rig = new GameObject("Rig").AddComponent<TrackedRig>();
            Assert.Greater(InputAction.Living, before);
            Object.DestroyImmediate(rig.gameObject);
            new XrController(true).Dispose();
            Assert.AreEqual(before, InputAction.Living);
            Vector3 place;
            Quaternion turn;
            XrInput.Gaze(out place, out turn);
            Assert.Greater(InputAction.Living, before);
            StartAnew();
            Assert.AreEqual(before, InputAction.Living);
            InputAction.Controls["<EyeGaze>/pose/isTracked"] = 1f;
            Assert.IsTrue(XrInput.Gaze(out place, out turn));
        }

        [Test]
        public void AControllersNumbersStandInTheLayoutsOrder()
        {
            const string device = "<XRController>{LeftHand}/";
            InputAction.Controls[device + "devicePosition"] = new Vector3(1, 2, 3);
            InputAction.Controls[device + "isTracked"] = 1f;
            InputAction.Controls[device + "{Trigger}"] = 0.1f;
            InputAction.Controls[device + "{Grip}"] = 0.2f;
            InputAction.Controls[device + "{Primary2DAxis}"] = new Vector2(0.3f, -0.4f);
            InputAction.Controls[device + "{Primary2DAxisClick}"] = 1f;
            InputAction.Controls[device + "{SecondaryButton}"] = 1f;
            var numbers = new float[14];
            Vector3 place;
            Quaternion turn;
            using (var leftHand = new XrController(true))
                Assert.IsTrue(leftHand.Read(out place, out turn, numbers, 7));
            using (var rightHand = new XrController(false))
                Assert.IsFalse(rightHand.Read(out place, out turn, new float[14], 7));
            float[] due = { 0, 0, 0, 0, 0, 0, 0, 0.1f, 0.2f, 0.3f, -0.4f, 1, 0, 1 };
            Assert.AreEqual(due, numbers);
        }

        [Test]
        public void PalmAndWristChangePlacesAndTheTrackingSpaceIsTheWorld()
        {
            var origin = new GameObject("Origin").transform;
            origin.position = new Vector3(10, 0, 0);
            origin.rotation = Quaternion.Euler(0, 90, 0);
            for (int i = 0; i < 26; i++)
                XRHandSubsystem.Only.Joints[i] = new Pose
                {
                    position = new Vector3(0, 0, 0.01f * i),
                    rotation = Quaternion.identity,
                };
            var joints = new float[HandModel.Numbers];
            var tracking = new XrHandTracking();
            Assert.IsFalse(tracking.Read(true, origin, joints));
            Assert.IsTrue(tracking.Read(false, origin, joints));
            // ahead of the turned origin is Unity's +x; XR Hands has the wrist first
            Assert.AreEqual(10.01f, joints[0], 1e-5); // palm, number 1 there
            Assert.AreEqual(10.00f, joints[7], 1e-5); // wrist, number 0 there
            Assert.AreEqual(10.25f, joints[7 * 25], 1e-5);
            Assert.AreEqual(-Mathf.Sqrt(0.5f), joints[4], 1e-5); // a turn to the right, right-handed
            XRHandSubsystem.Only.Joints[13] = null;
            Assert.IsFalse(tracking.Read(false, origin, joints));
        }

        [Test]
        public void HandsAreLookedForAgainWhenXrWasStartedAgain()
        {
            var joints = new float[HandModel.Numbers];
            var tracking = new XrHandTracking();
            StartHands();
            Assert.IsTrue(tracking.Read(false, null, joints));
            XRHandSubsystem.Only.running = false;
            Assert.IsFalse(tracking.Read(false, null, joints));
            StartHands();
            Assert.IsTrue(tracking.Read(false, null, joints));
        }

        static void StartHands()
        {
            XRHandSubsystem.Only = new XRHandSubsystem();
            for (int i = 0; i < 26; i++)
                XRHandSubsystem.Only.Joints[i] = new Pose { rotation = Quaternion.identity };
        }

        [Test]
        public void DepthIsReadRowByRowAndWhatIsUnknownIsZero()
        {
            // 2 x 2 in millimetres, with two bytes of padding after each row
            byte[] raw = { 0xE8, 0x03, 0, 0, 9, 9, 0xD0, 0x07, 0xFF, 0xFF, 9, 9 };
            var manager = new GameObject("Depth").AddComponent<AROcclusionManager>();
            var plane = new XRCpuImage.Plane
            {
                rowStride = 6,
                data = new Unity.Collections.NativeArray<byte>(raw, Unity.Collections.Allocator.Temp),
            };
            manager.Depth = new XRCpuImage
            {
                width = 2, height = 2, format = XRCpuImage.Format.DepthUint16, Only = plane,
            };
            float[] depths = null;
            int rows, columns;
            Assert.IsTrue(new ArDepth().Read(ref depths, out rows, out columns));
            Assert.AreEqual(2, rows);
            Assert.AreEqual(new[] { 1f, 0f, 2f, 65.535f }, depths);
        }

        [Test]
        public void WhatComesIntoTheSceneLateIsFoundWithinASecond()
        {
            foreach (ARMeshManager old in Object.FindObjectsByType<ARMeshManager>(FindObjectsSortMode.None))
                Object.DestroyImmediate(old.gameObject);
            var search = new SceneSearch<ARMeshManager>();
            Assert.IsFalse(search.Found);
            var late = new GameObject("Room").AddComponent<ARMeshManager>();
            Assert.IsFalse(search.Found);
            PlayerLoop.Step(1.1);
            Assert.AreSame(late, search.Found);
            Object.DestroyImmediate(late.gameObject);
            Assert.IsFalse(search.Found);
        }

        [Test]
        public void PointsAreVerticesOfTheRoomsMesh()
        {
            var piece = new GameObject("Piece");
            piece.transform.position = new Vector3(1, 0, 2);
            var filter = piece.AddComponent<MeshFilter>();
            filter.sharedMesh = new Mesh { vertices = new[] { new Vector3(0, 5, 0) } };
            new GameObject("Room").AddComponent<ARMeshManager>().meshes.Add(filter);
            var points = new float[12];
            Assert.AreEqual(4, new ArMeshes().Read(new Noise(1), points, 4));
            Assert.AreEqual(new[] { 1f, 5f, -2f }, new[] { points[9], points[10], points[11] });
        }

        [Test]
        public void AFaceMeshIsReadByTheNamesOfItsShapes()
        {
            var holder = new GameObject("Face");
            var face = holder.AddComponent<SkinnedMeshRenderer>();
            face.sharedMesh = new Mesh { BlendShapes = new[] { "Face.JawOpen", "Face.mouthSmile_L", "Face.EyeBlinkLeft" } };
            face.SetBlendShapeWeight(0, 50);
            face.SetBlendShapeWeight(2, 120);
            var weights = new float[52];
            new FaceShapes(face).Read(weights);
            Assert.AreEqual(0.5f, weights[System.Array.IndexOf(FaceSensor.Names, "jawOpen")]);
            Assert.AreEqual(1f, weights[System.Array.IndexOf(FaceSensor.Names, "eyeBlinkLeft")]);
            Assert.AreEqual(0f, weights[System.Array.IndexOf(FaceSensor.Names, "mouthSmileLeft")]);
        }

        [Test]
        public void AMeshWithoutTheShapesIsNamed()
        {
            var face = new GameObject("Stone").AddComponent<SkinnedMeshRenderer>();
            face.sharedMesh = new Mesh();
            var error = Assert.Throws<System.InvalidOperationException>(() => new FaceShapes(face));
            StringAssert.Contains("face mesh Stone has no blend shape", error.Message);
        }
    }
}

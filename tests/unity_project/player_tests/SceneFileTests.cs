using System;
using System.IO;
using NUnit.Framework;
using UnityEngine;
using UnityEngine.Stub;
using Object = UnityEngine.Object;

namespace Fedxr.Player.Tests
{
    /// <summary>A scene from its YAML: "Script serialization" and "Format of text serialized files" in
    /// Unity's manual. The project's folder is in FEDXR_PROJECT.</summary>
    [TestFixture]
    public sealed class SceneFileTests
    {
        static string Project => Environment.GetEnvironmentVariable("FEDXR_PROJECT");

        static string Small => File.ReadAllText(Path.Combine(Project, "Assets", "Small.unity"));

        [TearDown]
        public void Quit() => PlayerLoop.Quit();

        static void Load(string text)
        {
            string path = Path.GetTempFileName();
            File.WriteAllText(path, text);
            try
            {
                PlayerLoop.Load(new SceneFile(path, new Assets(Project, typeof(Every).Assembly)).Build);
            }
            finally
            {
                File.Delete(path);
            }
        }

        /// <summary>Every kind of field, as the file has it; what it leaves out keeps its initializer, and a
        /// [Serializable] class that nobody made is there.</summary>
        [Test]
        public void FieldsAreFilledBeforeAwake()
        {
            Load(Small);
            Every first = GameObject.Find("Rig").GetComponent<Every>();
            Assert.AreEqual("it's: {plain}", first.AtAwake);
            Assert.AreEqual(
                "it's: {plain}|wrapped text goes on here|a line – and\nanother \"one\" that goes on in the next line"
                + "|-3|0.25|1.5E-07|True|Third|(1.00, 2.00, 3.00)|(1.00, 0.50, 0.00, 1.00)"
                + "|Eye (UnityEngine.Camera)|Board (UnityEngine.GameObject)|Board (Fedxr.Player.Tests.Every)|True"
                + "|some notes\n|red (UnityEngine.Material)|one,two: 2,|0|1,2,3|left|2.5|15|2"
                + "|Board (UnityEngine.GameObject)|True|0.75|1|3|4",
                first.Tell());
        }

        /// <summary>Parents, activity, native components and the world's light.</summary>
        [Test]
        public void ObjectsStandWhereTheFileSays()
        {
            Load(Small);
            Camera camera = Camera.main;
            Assert.AreEqual("Eye", camera.name);
            Assert.AreEqual(70f, camera.fieldOfView);
            Assert.Less((camera.transform.position - new Vector3(3, 1.6f, 0)).magnitude, 1e-4f);
            Assert.IsNull(GameObject.Find("Board"), "it is not active");
            Transform board = camera.transform.parent.Find("Board");
            Assert.IsNull(board.GetComponent<Every>().AtAwake);
            Assert.IsFalse(board.GetComponent<Every>().enabled);
            Assert.AreEqual(Color.red, board.GetComponent<TextMesh>().color);
            Assert.AreEqual("hello", board.GetComponent<TextMesh>().text);
            Assert.AreEqual(Color.red, board.GetComponent<Renderer>().sharedMaterial.color);
            Assert.AreEqual("Quad", board.GetComponent<MeshFilter>().sharedMesh.name);
            Assert.AreEqual(1, board.GetComponents<MeshRenderer>().Length);
            Assert.AreEqual(5, board.parent.gameObject.layer);
            Assert.AreEqual(new Color(0.1f, 0.2f, 0.3f), RenderSettings.ambientLight);
            Assert.IsTrue(RenderSettings.fog);
        }

        [TestCase("fraction: 0.25", "fractions: 0.25", "Every has no serialized field fractions")]
        [TestCase("flag: 1", "unsaved: 1", "Every has no serialized field unsaved")]
        [TestCase("whole: -3", "whole: three", "Every.whole")]
        [TestCase("eye: {fileID: 203}", "eye: {fileID: 204}", "nothing in this file has the ID 204")]
        [TestCase("eye: {fileID: 203}", "eye: {fileID: 302}", "Every.eye (Camera): refers to a Every")]
        [TestCase("guid: 0123", "guid: 9123", "no .meta in the project has the GUID 9123")]
        [TestCase("\n  - component: {fileID: 305}", "", "TextMesh 305 belongs to no GameObject")]
        [TestCase("m_GameObject: {fileID: 200}\n  m_Enabled", "m_GameObject: {fileID: 300}\n  m_Enabled", "belongs to another")]
        [TestCase("--- !u!102", "--- !u!999", "(class 999) is not known")]
        [TestCase("m_Text: hello", "m_Text hello", "a key and a value")]
        [TestCase("word: 'it''s: {plain}'", "word: 'it''s: {plain}", "the file ends within")]
        public void AFaultIsNamed(string right, string wrong, string said)
        {
            Assert.IsTrue(Small.Contains(right));
            var error = Assert.Throws<FormatException>(() => Load(Small.Replace(right, wrong)));
            StringAssert.Contains(said, error.Message);
        }
    }
}

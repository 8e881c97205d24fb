using System.Collections.Generic;
using Fedxr.Editor;
using NUnit.Framework;
using UnityEditor;
using UnityEditor.SceneManagement;
using UnityEngine;

namespace Fedxr.Tests
{
    /// <summary>The project's scenes as the real editor imports them. Needs the editor; never run so
    /// far. What stands in for it is <c>python -m unity_project.scenes check</c>.</summary>
    public class ScenesInEditor
    {
        [TestCase("Overlays")]
        [TestCase("Neuroadaptive")]
        [TestCase("Companion")]
        [TestCase("Storytelling")]
        public void ImportsWithoutAComplaint(string scene)
        {
            string path = "Assets/Scenes/" + scene + ".unity";
            if (AssetDatabase.AssetPathToGUID(path).Length == 0)
                Assert.Ignore(path + " is not in this project: the package is tested by itself");
            EditorSceneManager.OpenScene(path);
            var found = new List<string>();
            foreach (Finding one in ValidateMenu.Findings())
                if (one.IsError)
                    found.Add(one.Text);
            foreach (GameObject one in Object.FindObjectsByType<GameObject>(
                FindObjectsInactive.Include, FindObjectsSortMode.None))
                if (GameObjectUtility.GetMonoBehavioursWithMissingScriptCount(one) > 0)
                    found.Add(one.name + " has a component whose script is missing");
            Assert.IsEmpty(found);
        }
    }
}

using System.Collections.Generic;
using UnityEditor;
using UnityEngine;

namespace Fedxr.Editor
{
    /// <summary><c>fedxr > Validate scene</c>: says in the console what is wrong; a click on a line
    /// selects the component.</summary>
    public static class ValidateMenu
    {
        [MenuItem("fedxr/Validate scene", priority = 1)]
        static void Validate()
        {
            List<Finding> found = Findings();
            foreach (Finding one in found)
                if (one.IsError)
                    Debug.LogError("fedxr: " + one.Text, one.Where);
                else
                    Debug.LogWarning("fedxr: " + one.Text, one.Where);
            if (found.Count == 0)
                Debug.Log("fedxr: this scene is ready; press Play with `fedxr serve` running");
        }

        /// <summary>What is wrong with the open scenes.</summary>
        public static List<Finding> Findings() => SceneRules.Check(
            All<HeadsetConnection>(), All<Sensor>(), All<CueActor>());

        static T[] All<T>() where T : Object =>
            Object.FindObjectsByType<T>(FindObjectsInactive.Include, FindObjectsSortMode.None);
    }
}

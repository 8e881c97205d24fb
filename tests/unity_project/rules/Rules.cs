using System;
using System.Reflection;
using Fedxr.Editor;
using Fedxr.Player;
using UnityEngine;
using UnityEngine.Stub;
using Object = UnityEngine.Object;

namespace Fedxr.Rules
{
    /// <summary>What <c>fedxr > Validate scene</c> says of scene files: PROJECT SCENE….</summary>
    static class Program
    {
        static int Main(string[] arguments)
        {
            var assets = new Assets(arguments[0], typeof(HeadsetConnection).Assembly, Assembly.Load("Fedxr.Scenes"));
            PlayerLoop.Load(() => new SceneFile(arguments[1], assets).Build());
            foreach (Finding one in SceneRules.Check(All<HeadsetConnection>(), All<Sensor>(), All<CueActor>()))
                Console.WriteLine((one.IsError ? "error " : "warning ") + one.Text);
            return 0;
        }

        static T[] All<T>() where T : Object =>
            Object.FindObjectsByType<T>(FindObjectsInactive.Include, FindObjectsSortMode.None);
    }
}

using System;
using System.Reflection;

namespace UnityEngine
{
    public enum RuntimeInitializeLoadType { AfterSceneLoad, BeforeSceneLoad, SubsystemRegistration = 4 }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class RuntimeInitializeOnLoadMethodAttribute : Attribute
    {
        public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType loadType)
        {
            if (loadType == RuntimeInitializeLoadType.AfterSceneLoad)
                throw new NotSupportedException("the stub calls such methods before a scene only");
        }
    }
}

namespace UnityEngine.Events
{
    public delegate void UnityAction<T0, T1>(T0 arg0, T1 arg1);
}

namespace UnityEngine.SceneManagement
{
    public struct Scene { }

    public enum LoadSceneMode { Single, Additive }

    public static class SceneManager
    {
        static bool begun;

        /// <summary>After Awake and OnEnable of a scene's scripts, before their Start.</summary>
        public static event Events.UnityAction<Scene, LoadSceneMode> sceneLoaded;

        /// <summary>The methods that the first scene's loading waits for.</summary>
        internal static void Begin()
        {
            if (begun)
                return;
            begun = true;
            foreach (Assembly assembly in AppDomain.CurrentDomain.GetAssemblies())
                if (assembly.GetName().Name.StartsWith("Fedxr", StringComparison.Ordinal))
                    foreach (Type type in assembly.GetTypes())
                        Call(type);
        }

        static void Call(Type type)
        {
            foreach (MethodInfo method in type.GetMethods(
                BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
                if (Attribute.IsDefined(method, typeof(RuntimeInitializeOnLoadMethodAttribute)))
                    method.Invoke(null, null);
        }

        public static object LoadSceneAsync(string sceneName) =>
            throw new NotSupportedException("the stub's player loads its one scene before it starts");

        internal static void Loaded() => sceneLoaded?.Invoke(new Scene(), LoadSceneMode.Single);
    }
}

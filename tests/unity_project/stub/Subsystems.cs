using System.Collections.Generic;

namespace UnityEngine
{
    /// <summary>Knows the one subsystem of each kind that a package's stand-in has as <c>Only</c>.</summary>
    public static class SubsystemManager
    {
        public static void GetSubsystems<T>(List<T> subsystems)
        {
            subsystems.Clear();
            subsystems.Add((T)typeof(T).GetField("Only").GetValue(null));
        }
    }
}

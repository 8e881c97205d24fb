using System;
using System.Collections.Generic;
using System.Reflection;

namespace UnityEngine
{
    /// <summary>A script. Messages are found by name, the most derived method first.</summary>
    public class MonoBehaviour : Behaviour
    {
        readonly Dictionary<string, Action> messages = new Dictionary<string, Action>();

        internal bool Awoken, Enabled, Started;

        /// <summary>Call the message where the script has it; what it throws is logged, as Unity does.</summary>
        internal void Send(string message)
        {
            if (!messages.TryGetValue(message, out Action call))
                messages[message] = call = Bind(message);
            try
            {
                call?.Invoke();
            }
            catch (Exception error)
            {
                Debug.LogException(error, this);
            }
        }

        Action Bind(string message)
        {
            const BindingFlags own = BindingFlags.Instance | BindingFlags.Public |
                BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
            for (Type type = GetType(); type != typeof(MonoBehaviour); type = type.BaseType)
            {
                MethodInfo found = type.GetMethod(message, own, null, Type.EmptyTypes, null);
                if (found != null)
                    return (Action)Delegate.CreateDelegate(typeof(Action), this, found);
            }
            return null;
        }
    }
}

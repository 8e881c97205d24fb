using System;
using System.Collections;
using System.Collections.Generic;
using System.Reflection;

namespace UnityEngine
{
    /// <summary>A script. Messages are found by name, the most derived method first.</summary>
    public class MonoBehaviour : Behaviour
    {
        internal readonly List<Routine> Routines = new List<Routine>();
        readonly Dictionary<string, Action> messages = new Dictionary<string, Action>();

        internal bool Awoken, Enabled, Started;

        public Coroutine StartCoroutine(IEnumerator routine)
        {
            var started = new Routine(routine);
            Routines.Add(started);
            started.Step();
            return started;
        }

        public void StopCoroutine(Coroutine routine) => Routines.Remove((Routine)routine);

        public void StopAllCoroutines() => Routines.Clear();

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

    public class Coroutine { }

    public sealed class WaitForSeconds
    {
        internal readonly float Seconds;

        public WaitForSeconds(float seconds)
        {
            Seconds = seconds;
        }
    }

    /// <summary>A coroutine: goes on each frame after Update, or when what it waits for has come.</summary>
    sealed class Routine : Coroutine
    {
        readonly IEnumerator steps;
        float due;
        Routine other;

        internal Routine(IEnumerator steps)
        {
            this.steps = steps;
        }

        internal bool Done { get; private set; }

        internal bool Waits => Time.time < due || (other != null && !other.Done);

        internal void Step()
        {
            Done = !steps.MoveNext();
            var pause = steps.Current as WaitForSeconds;
            due = Done || pause == null ? 0 : Time.time + pause.Seconds;
            other = Done ? null : steps.Current as Routine;
        }
    }
}

using System;
using System.Collections.Generic;
using UnityEngine.Stub;

namespace UnityEngine
{
    public enum FindObjectsSortMode { None, InstanceID }

    public enum FindObjectsInactive { Exclude, Include }

    /// <summary>Anything with a name that can be destroyed; a destroyed one equals null.</summary>
    public class Object
    {
        static int last;

        readonly int id = ++last;

        internal bool Gone;

        public virtual string name { get; set; } = "";

        /// <summary>Goes at once here, at the frame's end in Unity.</summary>
        public static void Destroy(Object obj) => DestroyImmediate(obj);

        public static void DestroyImmediate(Object obj)
        {
            if (obj != null)
                PlayerLoop.DestroyNow(obj);
        }

        public static T FindFirstObjectByType<T>() where T : Object
        {
            T[] found = FindObjectsByType<T>(FindObjectsSortMode.InstanceID);
            return found.Length > 0 ? found[0] : null;
        }

        public static T FindAnyObjectByType<T>() where T : Object => FindFirstObjectByType<T>();

        public static T FindAnyObjectByType<T>(FindObjectsInactive findObjectsInactive) where T : Object
        {
            T[] found = FindObjectsByType<T>(findObjectsInactive, FindObjectsSortMode.None);
            return found.Length > 0 ? found[0] : null;
        }

        public static T[] FindObjectsByType<T>(FindObjectsSortMode sortMode) where T : Object =>
            FindObjectsByType<T>(FindObjectsInactive.Exclude, sortMode);

        /// <summary>Components in the scene, by default those of active GameObjects only.</summary>
        public static T[] FindObjectsByType<T>(FindObjectsInactive findObjectsInactive, FindObjectsSortMode sortMode)
            where T : Object
        {
            var found = new List<T>();
            foreach (GameObject one in PlayerLoop.Objects)
            {
                if (!one.activeInHierarchy && findObjectsInactive == FindObjectsInactive.Exclude)
                    continue;
                if (one is T)
                    found.Add((T)(Object)one);
                found.AddRange(one.GetComponents<T>());
            }
            return found.ToArray();
        }

        public static bool operator ==(Object x, Object y) => Same(x, y);
        public static bool operator !=(Object x, Object y) => !Same(x, y);
        public static implicit operator bool(Object exists) => !Same(exists, null);
        public override bool Equals(object other) => (other == null || other is Object) && Same(this, (Object)other);
        public override int GetHashCode() => id;
        public override string ToString() => $"{name} ({GetType().FullName})";

        static bool Same(Object x, Object y)
        {
            bool noX = ReferenceEquals(x, null) || x.Gone, noY = ReferenceEquals(y, null) || y.Gone;
            return noX || noY ? noX && noY : ReferenceEquals(x, y);
        }
    }

    /// <summary>Something that belongs to a GameObject, and goes by its name.</summary>
    public class Component : Object
    {
        public GameObject gameObject { get; internal set; }
        public Transform transform => gameObject.transform;

        public override string name
        {
            get => gameObject.name;
            set => gameObject.name = value;
        }

        public T GetComponent<T>() => gameObject.GetComponent<T>();
        public bool TryGetComponent<T>(out T component) => gameObject.TryGetComponent(out component);
        public T[] GetComponents<T>() => gameObject.GetComponents<T>();
        public T GetComponentInParent<T>(bool includeInactive = false) =>
            gameObject.GetComponentInParent<T>(includeInactive);
        public T GetComponentInChildren<T>(bool includeInactive = false) =>
            gameObject.GetComponentInChildren<T>(includeInactive);
        public T[] GetComponentsInChildren<T>(bool includeInactive = false) =>
            gameObject.GetComponentsInChildren<T>(includeInactive);
    }

    /// <summary>A component that can be switched off.</summary>
    public class Behaviour : Component
    {
        bool on = true;

        public bool enabled
        {
            get => on;
            set
            {
                on = value;
                PlayerLoop.Switched(gameObject);
            }
        }

        public bool isActiveAndEnabled => enabled && gameObject.activeInHierarchy;
    }
}

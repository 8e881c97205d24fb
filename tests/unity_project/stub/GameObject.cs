using System;
using System.Collections.Generic;
using UnityEngine.Stub;

namespace UnityEngine
{
    public enum PrimitiveType { Sphere, Capsule, Cylinder, Cube, Plane, Quad }

    /// <summary>A thing in the scene: a Transform and other components.</summary>
    public sealed class GameObject : Object
    {
        internal readonly List<Component> Parts = new List<Component>();

        public GameObject(string name)
        {
            this.name = name;
            transform = (Transform)Join(new Transform());
            PlayerLoop.Objects.Add(this);
        }

        public GameObject() : this("New Game Object") { }

        public GameObject(string name, params Type[] components) : this(name)
        {
            foreach (Type one in components)
                AddComponent(one);
        }

        public Transform transform { get; }
        public GameObject gameObject => this;
        public int layer { get; set; }
        public string tag { get; set; } = "Untagged";
        public bool activeSelf { get; private set; } = true;

        public bool activeInHierarchy =>
            activeSelf && (transform.parent == null || transform.parent.gameObject.activeInHierarchy);

        public bool CompareTag(string tag) => this.tag == tag;

        /// <summary>OnEnable or OnDisable of it and of all below are called at once.</summary>
        public void SetActive(bool value)
        {
            activeSelf = value;
            PlayerLoop.Switched(this);
        }

        public T AddComponent<T>() where T : Component => (T)AddComponent(typeof(T));

        /// <summary>Awake and OnEnable are called before this returns, where the object is active.</summary>
        public Component AddComponent(Type componentType)
        {
            if (!PlayerLoop.Loading)
                AddRequired(componentType);
            Component made = Join((Component)Activator.CreateInstance(componentType, true));
            PlayerLoop.Joined(made);
            return made;
        }

        void AddRequired(Type componentType)
        {
            foreach (RequireComponent need in componentType.GetCustomAttributes(typeof(RequireComponent), true))
                if (Find(need.m_Type0) == null)
                    AddComponent(need.m_Type0);
        }

        Component Join(Component part)
        {
            part.gameObject = this;
            Parts.Add(part);
            return part;
        }

        object Find(Type type)
        {
            foreach (Component part in Parts)
                if (!part.Gone && type.IsInstanceOfType(part))
                    return part;
            return null;
        }

        public T GetComponent<T>() => (T)Find(typeof(T));

        public bool TryGetComponent<T>(out T component)
        {
            component = GetComponent<T>();
            return component != null;
        }

        public T[] GetComponents<T>()
        {
            var found = new List<T>();
            Collect(found);
            return found.ToArray();
        }

        void Collect<T>(List<T> found)
        {
            foreach (Component part in Parts)
                if (!part.Gone && part is T)
                    found.Add((T)(object)part);
        }

        /// <summary>Of this object, or else of the nearest above.</summary>
        public T GetComponentInParent<T>(bool includeInactive = false)
        {
            for (Transform at = transform; at != null; at = at.parent)
                if ((includeInactive || at.gameObject.activeInHierarchy) && at.TryGetComponent(out T found))
                    return found;
            return default(T);
        }

        public T GetComponentInChildren<T>(bool includeInactive = false)
        {
            T[] found = GetComponentsInChildren<T>(includeInactive);
            return found.Length > 0 ? found[0] : default(T);
        }

        /// <summary>Of this object first, then of its children, depth first.</summary>
        public T[] GetComponentsInChildren<T>(bool includeInactive = false)
        {
            var found = new List<T>();
            Below(this, includeInactive, found);
            return found.ToArray();
        }

        static void Below<T>(GameObject at, bool includeInactive, List<T> found)
        {
            if (!includeInactive && !at.activeInHierarchy)
                return;
            at.Collect(found);
            foreach (Transform child in at.transform)
                Below(child.gameObject, includeInactive, found);
        }

        /// <summary>The first active object of that name.</summary>
        public static GameObject Find(string name) =>
            PlayerLoop.Objects.Find(one => one.name == name && one.activeInHierarchy);

        public static GameObject CreatePrimitive(PrimitiveType type)
        {
            var made = new GameObject(type.ToString());
            made.AddComponent<MeshFilter>().sharedMesh = new Mesh { name = type.ToString() };
            made.AddComponent<MeshRenderer>();
            made.AddComponent<BoxCollider>();
            return made;
        }
    }
}

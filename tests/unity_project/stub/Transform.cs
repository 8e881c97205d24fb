using System;
using System.Collections;
using System.Collections.Generic;

namespace UnityEngine
{
    public enum Space { World, Self }

    /// <summary>Where a GameObject is, relative to its parent. A point goes from here to the world
    /// by scale, rotation and position of each object on the way up.</summary>
    public class Transform : Component, IEnumerable
    {
        readonly List<Transform> children = new List<Transform>();
        Transform father;

        public Vector3 localPosition { get; set; }
        public Quaternion localRotation { get; set; } = Quaternion.identity;
        public Vector3 localScale { get; set; } = Vector3.one;

        public Transform parent
        {
            get => father;
            set => SetParent(value, true);
        }

        public Transform root => father == null ? this : father.root;
        public int childCount => children.Count;
        public Transform GetChild(int index) => children[index];
        public IEnumerator GetEnumerator() => children.ToArray().GetEnumerator();

        public Vector3 position
        {
            get => father == null ? localPosition : father.TransformPoint(localPosition);
            set => localPosition = father == null ? value : father.InverseTransformPoint(value);
        }

        public Quaternion rotation
        {
            get => father == null ? localRotation : father.rotation * localRotation;
            set => localRotation = father == null ? value : Quaternion.Inverse(father.rotation) * value;
        }

        /// <summary>The product of the scales up to the root: exact where nothing is sheared.</summary>
        public Vector3 lossyScale =>
            father == null ? localScale : Vector3.Scale(father.lossyScale, localScale);

        public Vector3 eulerAngles
        {
            get => rotation.eulerAngles;
            set => rotation = Quaternion.Euler(value);
        }

        public Vector3 right => rotation * Vector3.right;
        public Vector3 up => rotation * Vector3.up;

        public Vector3 forward
        {
            get => rotation * Vector3.forward;
            set => rotation = Quaternion.LookRotation(value);
        }

        /// <param name="worldPositionStays">Whether it keeps its place in the world, or its local one.</param>
        public void SetParent(Transform parent, bool worldPositionStays = true)
        {
            Vector3 place = position, size = lossyScale;
            Quaternion turn = rotation;
            father?.children.Remove(this);
            father = parent;
            parent?.children.Add(this);
            if (worldPositionStays)
            {
                position = place;
                rotation = turn;
                Vector3 above = parent == null ? Vector3.one : parent.lossyScale;
                localScale = new Vector3(size.x / above.x, size.y / above.y, size.z / above.z);
            }
            UnityEngine.Stub.PlayerLoop.Switched(gameObject);
        }

        /// <summary>The child of that name, or at that path of names joined by '/'.</summary>
        public Transform Find(string n)
        {
            string[] path = n.Split(new[] { '/' }, 2);
            Transform child = children.Find(one => one.name == path[0]);
            return child == null || path.Length == 1 ? child : child.Find(path[1]);
        }

        /// <param name="axis">In this object's own axes, unless relative to the world.</param>
        public void Rotate(Vector3 axis, float angle, Space relativeTo = Space.Self)
        {
            Quaternion turn = Quaternion.AngleAxis(angle, axis);
            rotation = relativeTo == Space.Self ? rotation * turn : turn * rotation;
        }

        public void Rotate(Vector3 eulers, Space relativeTo = Space.Self)
        {
            Quaternion turn = Quaternion.Euler(eulers);
            rotation = relativeTo == Space.Self ? rotation * turn : turn * rotation;
        }

        public void Rotate(float xAngle, float yAngle, float zAngle) =>
            Rotate(new Vector3(xAngle, yAngle, zAngle));

        public void LookAt(Vector3 worldPosition) =>
            rotation = Quaternion.LookRotation(worldPosition - position);

        public void LookAt(Transform target) => LookAt(target.position);

        public Vector3 TransformPoint(Vector3 position)
        {
            Vector3 above = localRotation * Vector3.Scale(localScale, position) + localPosition;
            return father == null ? above : father.TransformPoint(above);
        }

        public Vector3 InverseTransformPoint(Vector3 position)
        {
            Vector3 above = father == null ? position : father.InverseTransformPoint(position);
            Vector3 turned = Quaternion.Inverse(localRotation) * (above - localPosition);
            return new Vector3(turned.x / localScale.x, turned.y / localScale.y, turned.z / localScale.z);
        }

        internal void Leave() => father?.children.Remove(this);
    }
}

using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Reflection;
using UnityEngine;
using Object = UnityEngine.Object;

namespace Fedxr.Player
{
    /// <summary>
    /// Serialized fields by Unity's rules: an instance field that is public or has [SerializeField] and
    /// neither readonly nor [NonSerialized]; numbers, texts, enums, Unity's structs, references,
    /// [Serializable] classes and structs, arrays and lists of these. What the file leaves out keeps
    /// its initializer; a text, list or [Serializable] class is never null.
    /// </summary>
    public static class Values
    {
        /// <summary>Set the fields of <paramref name="target"/>; a key without a field is an error.</summary>
        public static void Fill(object target, IEnumerable<KeyValuePair<string, Node>> values, Func<Node, Object> find)
        {
            foreach (KeyValuePair<string, Node> one in values)
            {
                FieldInfo field = Field(target.GetType(), one.Key);
                if (field == null)
                    throw new FormatException($"{target.GetType().Name} has no serialized field {one.Key}");
                try
                {
                    field.SetValue(target, Read(one.Value, field.FieldType, find));
                }
                catch (Exception error)
                {
                    string where = $"{target.GetType().Name}.{one.Key} ({field.FieldType.Name})";
                    throw new FormatException($"{where}: {error.Message}", error);
                }
            }
            NeverNull(target);
        }

        static void NeverNull(object target)
        {
            for (Type type = target.GetType(); type != null && type != typeof(MonoBehaviour); type = type.BaseType)
                foreach (FieldInfo field in type.GetFields(
                    BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                    if (IsSerialized(field) && field.GetValue(target) == null)
                        field.SetValue(target, Empty(field.FieldType));
        }

        static object Empty(Type type)
        {
            if (type == typeof(string))
                return "";
            if (type.IsArray)
                return Array.CreateInstance(type.GetElementType(), 0);
            bool made = IsList(type) || (type.IsClass && type.IsSerializable && !typeof(Object).IsAssignableFrom(type));
            return made ? Activator.CreateInstance(type) : null;
        }

        static FieldInfo Field(Type type, string name)
        {
            for (; type != null && type != typeof(MonoBehaviour); type = type.BaseType)
            {
                FieldInfo found = type.GetField(
                    name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly);
                if (found != null)
                    return IsSerialized(found) ? found : null;
            }
            return null;
        }

        static bool IsSerialized(FieldInfo field) =>
            !field.IsInitOnly && !field.IsNotSerialized
            && (field.IsPublic || Attribute.IsDefined(field, typeof(SerializeField)))
            && IsSerializable(field.FieldType);

        static bool IsSerializable(Type type)
        {
            if (type.IsArray)
                return IsSerializable(type.GetElementType());
            if (IsList(type))
                return IsSerializable(type.GetGenericArguments()[0]);
            return type.IsPrimitive || type.IsEnum || type == typeof(string) || typeof(Object).IsAssignableFrom(type)
                || (type.IsSerializable && !type.IsGenericType && !typeof(Delegate).IsAssignableFrom(type));
        }

        static bool IsList(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(List<>);

        /// <summary>The value of a node as <paramref name="type"/>; <paramref name="find"/> resolves references.</summary>
        public static object Read(Node node, Type type, Func<Node, Object> find)
        {
            if (type == typeof(string))
                return node.Text;
            if (type == typeof(bool))
                return node.Bool;
            if (type.IsEnum)
                return Enum.ToObject(type, node.Long);
            if (type.IsPrimitive)
                return Convert.ChangeType(node.Text, type, CultureInfo.InvariantCulture);
            if (typeof(Object).IsAssignableFrom(type))
                return Refer(node, type, find);
            if (type.IsArray || IsList(type))
                return ReadList(node, type, find);
            object made = Activator.CreateInstance(type);
            Fill(made, node.Map, find);
            return made;
        }

        static object Refer(Node node, Type type, Func<Node, Object> find)
        {
            Object found = find(node);
            if (found != null && !type.IsInstanceOfType(found))
                throw new FormatException($"refers to a {found.GetType().Name}");
            return found;
        }

        static object ReadList(Node node, Type type, Func<Node, Object> find)
        {
            Type part = type.IsArray ? type.GetElementType() : type.GetGenericArguments()[0];
            var found = new ArrayList();
            foreach (Node one in node.Items)
                found.Add(Read(one, part, find));
            if (type.IsArray)
                return found.ToArray(part);
            var list = (IList)Activator.CreateInstance(type);
            foreach (object one in found)
                list.Add(one);
            return list;
        }
    }
}

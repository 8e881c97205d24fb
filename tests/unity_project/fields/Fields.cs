using System;
using System.Linq;
using System.Reflection;
using UnityEngine;

/// <summary>Prints "class field" for each field that Unity would save, as reflection sees it.</summary>
static class Fields
{
    const BindingFlags OfInstances =
        BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    static void Main(string[] names)
    {
        foreach (Type type in names.SelectMany(name => Assembly.Load(name).GetTypes()))
        {
            if (!typeof(MonoBehaviour).IsAssignableFrom(type) || type.IsNested)
                continue;
            Console.WriteLine(type.Name + " ");
            for (Type at = type; at != typeof(MonoBehaviour); at = at.BaseType)
            {
                foreach (FieldInfo field in at.GetFields(OfInstances).Where(IsSaved))
                    Console.WriteLine(type.Name + " " + field.Name);
            }
        }
    }

    static bool IsSaved(FieldInfo field)
    {
        bool told = field.IsPublic || field.IsDefined(typeof(SerializeField), false);
        return told && !field.IsInitOnly && !field.IsNotSerialized;
    }
}
